package explain

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/redact"
)

// explainedRule is a rule beside the value that it saw. Values are redacted by a [redactor].
type explainedRule struct {
	Engine string `json:"query_engine"`
	Query  string `json:"query"`
	Got    any    `json:"got"`
	Method string `json:"method"`
	Negate bool   `json:"negate,omitempty"`
	Want   any    `json:"want,omitempty"`
	Holds  bool   `json:"holds"`
}

func (x *explainedRule) String() string {
	text := x.Query + " gave " + compact(x.Got) + "; wanted: "
	if x.Negate {
		text += "not "
	}
	text += x.Method
	if x.Want != nil {
		text += " " + compact(x.Want)
	}
	return text
}

func compact(v any) string {
	var b strings.Builder
	_ = cli.WriteLine(&b, v) // values are of JSON
	return strings.TrimSuffix(b.String(), "\n")
}

// A redactor shows values of rules without what is secret in them: the texts that the client presented as credentials,
// and all that is asked for under the name of a secret. Other texts are shortened.
type redactor struct{ secrets *strings.Replacer }

var (
	secretQuery = regexp.MustCompile(
		`(?i)passw|pwd|secret|token|cookie|authorization|api.?key|session|credential|signature|assertion|jwt`)
	secretHeader = regexp.MustCompile(`(?i)passw|secret|token|cookie|auth|key|session|credential|signature|assertion|jwt`)
	literal      = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	headerName   = regexp.MustCompile(`^.[a-z_-]*.$`)
	jwtLike      = regexp.MustCompile(`[\w-]{8,}\.[\w-]{8,}\.[\w-]*`)
)

func newRedactor(r *http.Request) redactor {
	var secrets []string
	hide := func(texts ...string) {
		for _, s := range texts {
			if len(s) > 3 {
				secrets = append(secrets, s, query.Latin1(s))
			}
		}
	}
	for name, values := range r.Header {
		for _, v := range values {
			if secretHeader.MatchString(name) {
				hide(v)
			}
			hideCredentials(v, hide)
			if name == "X-Forwarded-Uri" || name == "X-Original-Url" {
				_, params, _ := strings.Cut(v, "?")
				hideParams(params, hide)
			}
		}
	}
	for _, c := range r.Cookies() {
		plain, _ := url.PathUnescape(c.Value)
		hide(c.Value, plain)
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // the first that fits is replaced
	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, redact.Text)
	}
	return redactor{strings.NewReplacer(pairs...)}
}

// hideCredentials hides what a header holds that is written as Authorization is, whatever its name (header_name).
func hideCredentials(value string, hide func(...string)) {
	scheme, credentials, _ := strings.Cut(value, " ")
	credentials = strings.TrimLeft(credentials, " ")
	switch strings.ToLower(scheme) {
	case "basic":
		r := http.Request{Header: http.Header{"Authorization": {"Basic " + credentials}}}
		_, password, _ := r.BasicAuth()
		hide(credentials, password)
	case "bearer":
		hide(credentials)
	}
}

// hideParams hides the values of a query string, in which tokens travel.
func hideParams(params string, hide func(...string)) {
	for pair := range strings.SplitSeq(params, "&") {
		_, value, _ := strings.Cut(pair, "=")
		plain, _ := url.QueryUnescape(value)
		hide(value, plain)
	}
}

func (r redactor) rule(j *assertion.Judgement) *explainedRule {
	secret := secretQuery.MatchString(j.Query)
	expr := r.secrets.Replace(j.Query)
	if secret { // it may be compared with one
		expr = literal.ReplaceAllStringFunc(expr, func(quoted string) string {
			if headerName.MatchString(quoted) {
				return quoted
			}
			return redact.Text
		})
	}
	return &explainedRule{j.Engine, expr, r.value(j.Got, secret), j.Method, j.Negate, r.value(j.Want, secret), j.Holds}
}

// shownElements and shownText bound what is shown of a list and of a text, in elements and bytes.
const shownElements, shownText = 8, 60

func (r redactor) value(v query.Value, secret bool) any {
	switch v := v.(type) {
	case string:
		return r.text(v, secret, shownText)
	case []any:
		out := make([]any, 0, min(len(v), shownElements+1))
		for i, e := range v {
			if i == shownElements {
				return append(out, fmt.Sprintf("… %d in all", len(v)))
			}
			out = append(out, r.value(e, secret))
		}
		return out
	case *query.Object:
		names := make([]string, v.Len())
		for i := range names {
			names[i], _ = v.At(i)
		}
		return r.text("an object with "+strings.Join(names, ", "), false, 2*shownText)
	case nil, query.Undefined:
		return nil
	}
	if secret {
		return redact.Text
	}
	return json.RawMessage(query.JSON(v))
}

func (r redactor) text(s string, secret bool, most int) string {
	if secret && s != "" {
		return fmt.Sprintf("%s %d bytes", redact.Text, len(s))
	}
	s = jwtLike.ReplaceAllString(r.secrets.Replace(s), redact.Text)
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

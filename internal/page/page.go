package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the files below
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var (
	//go:embed style.css
	style string
	//go:embed layout.html
	layoutText string
	//go:embed strings.json
	stringsJSON []byte

	layout = template.Must(template.New("layout").Parse(layoutText))
	texts  = readStrings()
	policy = makePolicy()
)

// A text is a title and a sentence.
type text [2]string

func readStrings() map[string]map[Reason]text {
	var all map[string]map[Reason]text
	if err := json.Unmarshal(stringsJSON, &all); err != nil {
		panic(err) // the file beside this one is wrong
	}
	return all
}

func makePolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// A Reason is what a message is about, a member of strings.json.
type Reason string

// The reasons.
const (
	Denied           Reason = "denied"
	LoginFailed      Reason = "login_failed"
	LoginExpired     Reason = "login_expired"
	LoginUsed        Reason = "login_used"
	LoginDenied      Reason = "login_denied"
	LoginNeeded      Reason = "login_needed"
	LoginUnavailable Reason = "login_unavailable"
	NoCookie         Reason = "no_cookie"
	NoAccess         Reason = "no_access"
	InsecureRequest  Reason = "insecure_request"
	InvalidRedirect  Reason = "invalid_redirect"
	LoggedOut        Reason = "logged_out"
	NotFound         Reason = "not_found"
	BadRequest       Reason = "bad_request"
	TooLarge         Reason = "too_large"
	MethodNotAllowed Reason = "method_not_allowed"
	Unavailable      Reason = "unavailable"
)

// reasonOf is the reason that goes without saying.
func reasonOf(status int) Reason {
	switch status {
	case http.StatusNotFound:
		return NotFound
	case http.StatusBadRequest:
		return BadRequest
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusMethodNotAllowed:
		return MethodNotAllowed
	}
	if status >= 500 {
		return Unavailable
	}
	return Denied
}

// A Message says why somebody gets nothing, or that something is done.
type Message struct {
	Status int
	// Reason is "" for the one that the status suggests.
	Reason Reason
	// DecisionID, if not "", is shown for whoever is asked about it.
	DecisionID string
	// Retry, if not "", is where to try again: a path of the same origin, or an http or https URL.
	Retry string
}

// Write sends m. The headers that are there already stay.
func (m Message) Write(w http.ResponseWriter, r *http.Request) {
	header, body := m.Render(r.Header)
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(m.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client went away
	}
}

// Render returns the header fields and the body of m for whoever sent asked, which names languages and formats.
func (m Message) Render(asked http.Header) (http.Header, []byte) {
	if m.Reason == "" {
		m.Reason = reasonOf(m.Status)
	}
	lang := Language(asked)
	said := texts[lang][m.Reason]
	if WantsJSON(asked) {
		return jsonHeader(), m.json(said)
	}
	var body bytes.Buffer
	err := layout.ExecuteTemplate(&body, "message", struct {
		Message
		Detail, RetryLabel, ReferenceLabel string
	}{m, said[1], texts[lang]["retry"][0], texts[lang]["reference"][0]})
	if err != nil {
		panic(err) // the template is wrong
	}
	content := template.HTML(body.String())
	return HTMLHeader(), Document{Lang: lang, Title: said[0], Body: content}.Render()
}

// json is m as problem details (RFC 9457).
// RenderStatus returns m as JSON with the members code, status, message and timestamp, in English, whatever the client
// accepts.
func (m Message) RenderStatus(now time.Time) (http.Header, []byte) {
	if m.Reason == "" {
		m.Reason = reasonOf(m.Status)
	}
	body, err := json.Marshal(struct {
		Code      int    `json:"code"`
		Status    string `json:"status"`
		Message   string `json:"message"`
		Timestamp string `json:"timestamp"`
	}{m.Status, http.StatusText(m.Status), texts["en"][m.Reason][1], now.UTC().Format(time.RFC3339Nano)})
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	h := jsonHeader()
	h.Set("Content-Type", "application/json")
	h.Del("Vary")
	return h, append(body, '\n')
}

func (m Message) json(said text) []byte {
	body, err := json.Marshal(struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		Reason   Reason `json:"reason"`
		Decision string `json:"decision,omitempty"`
	}{"about:blank", said[0], m.Status, said[1], m.Reason, m.DecisionID})
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	return append(body, '\n')
}

// A Document is a page in the layout that all have.
type Document struct {
	// Lang is a language that [Language] gave.
	Lang, Title string
	// Body stands below the title. It comes from a template of html/template.
	Body template.HTML
}

// Render returns the page. It is sent with [HTMLHeader], or it has no style.
func (d Document) Render() []byte {
	var b bytes.Buffer
	err := layout.Execute(&b, struct {
		Document
		Style template.CSS
	}{d, template.CSS(style)})
	if err != nil {
		panic(err) // the template is wrong
	}
	return b.Bytes()
}

// HTMLHeader returns what a [Document] is sent with: no scripts, nothing loaded, in nobody's frame, stored by nobody.
func HTMLHeader() http.Header {
	return http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Content-Security-Policy": {policy},
		"Cache-Control":           {"no-store"},
		"Referrer-Policy":         {"no-referrer"},
		"Vary":                    {"Accept, Accept-Language"},
		"X-Content-Type-Options":  {"nosniff"},
	}
}

func jsonHeader() http.Header {
	return http.Header{
		"Content-Type":           {"application/problem+json"},
		"Cache-Control":          {"no-store"},
		"Vary":                   {"Accept, Accept-Language"},
		"X-Content-Type-Options": {"nosniff"},
	}
}

// WantsJSON reports whether who sent asked prefers JSON to HTML, and says so: "*/*" is no preference.
func WantsJSON(asked http.Header) bool {
	json := max(quality(asked["Accept"], "application/json"), quality(asked["Accept"], "application/problem+json"))
	return json > 0 && json >= quality(asked["Accept"], "text/html")
}

// Language is the one of strings.json that who sent asked likes best; "en" if none.
func Language(asked http.Header) string {
	best, most := "en", quality(asked["Accept-Language"], "en")
	for lang := range texts {
		if q := quality(asked["Accept-Language"], lang); q > most || q == most && q > 0 && lang < best && best != "en" {
			best, most = lang, q
		}
	}
	return best
}

// quality is how much a list of preferences (RFC 9110 §12.4.2) likes want, or a kind of it such as "de-AT"; 0 if it is
// not named.
func quality(lists []string, want string) (best float64) {
	for _, list := range lists {
		for entry := range strings.SplitSeq(list, ",") {
			name, params, _ := strings.Cut(entry, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if name != want && !strings.HasPrefix(name, want+"-") {
				continue
			}
			q := 1.0
			if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
				q, _ = strconv.ParseFloat(value, 64) // 0 for what is no number
			}
			if q <= 1 {
				best = max(best, q)
			}
		}
	}
	return best
}

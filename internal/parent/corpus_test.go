package parent_test

import (
	"encoding/json"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/querytest"
)

// corpusCase is what external-auth-server was asked and answered; testdata/corpus/README.md has the format.
type corpusCase struct {
	ID, Note string
	Request  struct {
		Method  string
		Path    string `json:"path_and_query"`
		Headers map[string]any
	}
	Expect struct {
		Status  int
		Headers map[string]any
	}
}

// The tokens of these cases answer with the whole parentRequestInfo, by three custom headers.
func (c *corpusCase) info(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"x-info", "x-infoenc"} {
		s, ok := c.Expect.Headers[name].(string)
		if !ok {
			continue
		}
		if name == "x-infoenc" {
			var err error
			if s, err = url.PathUnescape(s); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	return ""
}

// input is the request as net/http reads it. Strings in the corpus are Latin-1.
func (c *corpusCase) input(t *testing.T) parent.Input {
	t.Helper()
	in := parent.Input{Header: http.Header{}, Method: c.Request.Method}
	for name, v := range c.Request.Headers {
		values, ok := v.([]any)
		if !ok {
			values = []any{v}
		}
		for _, v := range values {
			b, ok := query.Latin1Bytes(v.(string))
			if !ok {
				t.Fatalf("%s: header %s is not Latin-1", c.ID, name)
			}
			in.Header.Add(name, textproto.TrimString(b))
		}
	}
	in.Host = in.Header.Get("Host")
	for prefix, segments := range map[string]int{"/envoy/verify-params-url/": 1, "/envoy/verify-params-header": 0} {
		if rest, ok := strings.CutPrefix(c.Request.Path, prefix); ok {
			if segments == 1 {
				rest = rest[strings.IndexByte(rest, '/'):]
			}
			in.Suffix = rest
		}
	}
	return in
}

func corpusCases(t *testing.T) []corpusCase {
	t.Helper()
	text, err := os.ReadFile("../../testdata/corpus/eas-corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct{ Cases []corpusCase }
	if err := json.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	return corpus.Cases
}

func TestInfoMatchesRecordedAnswers(t *testing.T) {
	compared := 0
	for _, c := range corpusCases(t) {
		want := c.info(t)
		if want == "" {
			continue
		}
		compared++
		t.Run(c.ID, func(t *testing.T) {
			r, err := parent.EAS.Parse(c.input(t))
			if err != nil {
				t.Fatalf("Parse(%s) = %v", c.Note, err)
			}
			if got := query.JSON(parent.Info(r.Method, r.URI(), false)); got != want {
				t.Errorf("%s:\n got %s\nwant %s", c.Note, got, want)
			}
		})
	}
	if compared < 50 {
		t.Errorf("compared %d cases, want the corpus", compared)
	}
}

// A WebSocket's path is seen by rules; external-auth-server hides it from them.
func TestInfoOfWebSockets(t *testing.T) {
	want := `{"uri":"wss://h/chat?room=1","parsedUri":{"scheme":"wss","host":"h","path":"/chat","query":"room=1","reference":"absolute"},"parsedQuery":{"room":"1"},"method":"GET"}`
	if got := query.JSON(parent.Info("GET", "wss://h/chat?room=1", false)); got != want {
		t.Errorf("Info() = %s, want %s", got, want)
	}
}

// Answers of uri-js 4.4.1 and query-string 7.1.3 to what the corpus does not hold.
func TestInfoMatchesReferenceLibraries(t *testing.T) {
	tests := []struct{ in, parsedURI, parsedQuery string }{
		{"", `{"path":"","reference":"same-document"}`, `{}`},
		{"/a:b", `{"path":"/a%3Ab","reference":"relative"}`, `{}`},
		{"https:///x", `{"scheme":"https","host":"","path":"/x","reference":"absolute","error":"HTTP URIs must have a host."}`, `{}`},
		{"http://001.02.3.4/", `{"scheme":"http","host":"1.2.3.4","path":"/","reference":"absolute"}`, `{}`},
		{"http://[1:0:0:2::]/", `{"scheme":"http","host":"1:0:0:2::","path":"/","reference":"absolute"}`, `{}`},
		{"http://[zz]/", `{"scheme":"http","host":"[zz]","path":"/","reference":"absolute"}`, `{}`},
		{"http://\xfc.de/", `{"scheme":"http","host":"xn--tda.de","path":"/","reference":"absolute"}`, `{}`},
		{"http://h:99999999999999999999999/", `{"scheme":"http","host":"h","port":1e+23,"path":"/","reference":"absolute"}`, `{}`},
		{"http://h/%7e%80%2F%E0%81%A1", `{"scheme":"http","host":"h","path":"/~%80/a","reference":"absolute"}`, `{}`},
		{"http://h/?x=%C2&%FF%FE", `{"scheme":"http","host":"h","path":"/","query":"x=%C2&%FF%FE","reference":"absolute"}`, "{\"x\":\"\ufffd\",\"\ufffd\ufffd\":null}"},
		{"http://h/?x=1&x&x=2", `{"scheme":"http","host":"h","path":"/","query":"x=1&x&x=2","reference":"absolute"}`, `{"x":["1",null,"2"]}`},
	}
	for _, tt := range tests {
		want := `"parsedUri":` + tt.parsedURI + `,"parsedQuery":` + tt.parsedQuery + `}`
		if got := query.JSON(parent.Info("", tt.in, false)); !strings.HasSuffix(got, want) {
			t.Errorf("Info(%q) = %s, want it to end in %s", tt.in, got, want)
		}
		querytest.Lazy(t, func() *query.Object { return parent.Info("", tt.in, false) }, "method", "error", "port")
	}
}

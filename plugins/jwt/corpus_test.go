package jwt_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

// A recording is what external-auth-server answered, and the upstream that it asked.
type recording struct {
	Base     string
	URI      string
	Fixtures map[string]struct {
		Status int
		Body   string
	}
	Cases []struct {
		ID, Note string
		Plugin   json.RawMessage
		Header   http.Header
		Status   int
		Want     map[string]string
	}
}

func load(t testing.TB) *recording {
	t.Helper()
	raw, err := os.ReadFile("testdata/eas.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// RoundTrip answers with the fixtures, so that the recorded addresses need no listener.
func (r *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	f, ok := r.Fixtures[req.URL.Path]
	if !ok || req.URL.Scheme+"://"+req.URL.Host != r.Base {
		f.Status, f.Body = http.StatusNotFound, "nofixture"
	}
	return answer(req, f.Status, f.Body), nil
}

func answer(req *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}
}

// differs are the recorded cases that are answered differently on purpose.
var differs = map[string]struct {
	status    int
	challenge string
	why       string
}{
	"jwt-194": {200, "", "userinfo is asked with the user's token: no client is needed"},
	"jwt-023": {401, `Bearer realm="https://app.example.com/a/b?x=1&y=two", error="JsonWebTokenError", error_description="jwt signature is required"`, "an unsigned token is no credential (ATTACKS 31)"},
	"jwt-028": {401, `Bearer realm="https://app.example.com/a/b?x=1&y=two", error="JsonWebTokenError", error_description="invalid token"`, "RFC 7515 §4.1.11: unknown critical extensions are refused"},
	"jwt-029": {401, `Bearer realm="https://app.example.com/a/b?x=1&y=two", error="JsonWebTokenError", error_description="invalid token"`, "a malformed JWT is the client's fault"},
	"jwt-033": {401, `Bearer realm="https://app.example.com/a/b?x=1&y=two", error="JsonWebTokenError", error_description="invalid token"`, "a malformed JWT is the client's fault"},
	"jwt-083": {401, `Bearer realm="https://app.example.com/a/b?x=1&y=two", error="JsonWebTokenError", error_description="\"maxAge\" should be a number of seconds or string representing a timespan eg: \"1d\", \"20h\", 60"`, "quoted values are escaped (RFC 9110 §5.6.4)"},
}

// What external-auth-server answered, but for jwt-170: its jsonata engine is not Go alone. The replay of the whole
// recording has it.
func TestCorpus(t *testing.T) {
	rec := load(t)
	for _, c := range rec.Cases {
		t.Run(c.ID+" "+c.Note, func(t *testing.T) {
			if d, ok := differs[c.ID]; ok {
				c.Status, c.Want = d.status, map[string]string{"www-authenticate": d.challenge}
				if d.status == http.StatusOK {
					c.Want["x-userinfo"] = rec.Fixtures["/oidc/userinfo"].Body
					c.Want["x-access-token"] = strings.TrimPrefix(c.Header.Get("Authorization"), "Bearer ")
				}
			}
			env := plugintest.Env(t)
			env.HTTP = &http.Client{Transport: rec}
			env.Query = engines()
			p, _, err := plugins.Of(jwt.New).Build(c.Plugin, env)
			// A plugin that cannot be built answers 503, and so does an error.
			var res plugins.Result
			if err == nil {
				req := plugintest.Request{URL: rec.URI, Header: latin1(t, c.Header)}
				res, err = p.Verify(t.Context(), req.Build())
			}
			if err != nil {
				res = plugins.Result{Status: http.StatusServiceUnavailable}
			}
			if res.StatusCode() != c.Status {
				t.Fatalf("status = %d (%v), want %d", res.StatusCode(), err, c.Status)
			}
			for _, name := range []string{"www-authenticate", "x-userinfo", "x-access-token"} {
				if got, want := query.Latin1(res.Header.Get(name)), c.Want[name]; got != want {
					t.Errorf("%s = %s\nwant %s", name, got, want)
				}
			}
		})
	}
}

// latin1 makes header bytes of the recording's text.
func latin1(t *testing.T, h http.Header) http.Header {
	t.Helper()
	out := http.Header{}
	for name, values := range h {
		for _, v := range values {
			b, ok := query.Latin1Bytes(v)
			if !ok {
				t.Fatalf("%s: not Latin-1", name)
			}
			out.Add(name, b)
		}
	}
	return out
}

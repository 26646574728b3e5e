package page

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func write(m Message, header ...string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	m.Write(w, r)
	return w
}

func TestMessage(t *testing.T) {
	m := Message{Status: 403, DecisionID: "<b>1</b>", Retry: "javascript:alert(1)"}
	w := write(m, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language", "fr, de-AT;q=0.9, en;q=0.8")
	body := w.Body.String()
	for _, want := range []string{`<html lang="de">`, "<h1>Zugriff verweigert</h1>", "&lt;b&gt;1&lt;/b&gt;", `href="#ZgotmplZ"`} {
		if w.Code != 403 || !strings.Contains(body, want) {
			t.Errorf("%d, no %s in\n%s", w.Code, want, body)
		}
	}
	if strings.Contains(body, "script") {
		t.Errorf("a script in\n%s", body)
	}
	// The policy lets the one style sheet through that stands in the page, and nothing else.
	_, css, _ := strings.Cut(body, "<style>")
	css, _, _ = strings.Cut(css, "</style>")
	sum := sha256.Sum256([]byte(css))
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v, want no-store", w.Header())
	}
}

func TestJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "text/html": false, "application/json": true, "application/problem+json": true,
		"application/json, text/plain, */*": true, "text/html, application/json;q=0.9": false, "text/html;q=0.5, application/json;q=0.9": true,
		"application/json;q=0": false, "application/json;q=x": false,
	} {
		w := write(Message{Status: 503, DecisionID: "a-1"}, "Accept", accept)
		var got map[string]any
		err := json.Unmarshal(w.Body.Bytes(), &got)
		if (err == nil) != want || want && (got["status"] != 503.0 || got["decision"] != "a-1" || got["reason"] != "unavailable") {
			t.Errorf("Accept %q: JSON %v, want %v: %s", accept, err == nil, want, w.Body)
		}
	}
}

func TestLanguage(t *testing.T) {
	for accept, want := range map[string]string{
		"": "en", "de": "de", "DE-at": "de", "en, de;q=0.9": "en", "de;q=0.2, en;q=0.1": "de", "fr": "en", "*": "en", "de;q=0": "en", "deu": "en",
	} {
		if got := Language(http.Header{"Accept-Language": {accept}}); got != want {
			t.Errorf("Language(%q) = %q, want %q", accept, got, want)
		}
	}
}

// A language that lacks a text would show an empty page.
func TestLanguagesAreWhole(t *testing.T) {
	for lang, said := range texts {
		for reason, english := range texts["en"] {
			if got := said[reason]; got[0] == "" || (got[1] == "") != (english[1] == "") {
				t.Errorf("strings.json: %s: %s says %q", lang, reason, got)
			}
		}
		if len(said) != len(texts["en"]) {
			t.Errorf("strings.json: %s has %d texts, want %d", lang, len(said), len(texts["en"]))
		}
	}
	source, err := os.ReadFile("page.go")
	if err != nil {
		t.Fatal(err)
	}
	for reason := range texts["en"] {
		if !strings.Contains(string(source), `"`+string(reason)+`"`) {
			t.Errorf("strings.json: nothing says %s", reason)
		}
	}
}

package fetch

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// empty answers with nothing.
type empty struct{}

func (empty) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// A fetch runs in a goroutine of its own: a panic there would end the process.
func TestPanicInParse(t *testing.T) {
	r, err := URL("https://x", Options{Client: &http.Client{Transport: empty{}}, Now: time.Now}, func([]byte) (int, error) { panic("boom") })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(t.Context()); err == nil || strings.Contains(err.Error(), "boom") {
		t.Errorf("Get = %v, want an error without the value", err)
	}
}

func TestErrorsDoNotHoldTheURL(t *testing.T) {
	r, err := URL("https://user:hunter2@127.0.0.1:1/?key=hunter2", Options{Now: time.Now}, func([]byte) (int, error) { return 0, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Get = %v, want an error without the password", err)
	}
	for _, bad := range []string{"", "x", "ftp://x", "https://", "file:///etc/passwd", "https://hunter2\x00"} {
		if _, err := URL(bad, Options{Now: time.Now}, func([]byte) (int, error) { return 0, nil }); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("URL(%q) = %v, want an error without it", bad, err)
		}
	}
}

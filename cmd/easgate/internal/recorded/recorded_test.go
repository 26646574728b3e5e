package recorded

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What is recorded is what is replayed, bytes included.
func TestRecordedLine(t *testing.T) {
	r := &Request{
		Method: "GET", Target: "/verify?a={%zz", Host: "h\xe9",
		Header: http.Header{"X-A": {"\xe9", "2"}, "X-B": {"<&>"}}, Body: []byte("hé"),
	}
	line, err := r.Line()
	if err != nil {
		t.Fatal(err)
	}
	var back *Request
	if _, err := Read(strings.NewReader(string(line)), func(r *Request) error { back = r; return nil }); err != nil {
		t.Fatal(err)
	}
	again, err := back.Line()
	if err != nil || string(again) != string(line) ||
		!slices.Equal(back.Header["X-A"], r.Header["X-A"]) || back.Host != r.Host || string(back.Body) != string(r.Body) {
		t.Errorf("%s became %s, %v", line, again, err)
	}
}

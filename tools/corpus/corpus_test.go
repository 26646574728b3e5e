package corpus

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	ok := Answer{Status: 200, Headers: map[string]Values{"x-a": {`{"a":1,"b":2}`}, "x-many": {"1", "2"}}, SetCookie: []string{"s=1; Path=/"}, Body: "hi"}
	with := func(change func(*Answer)) Answer {
		a := Answer{Status: 200, Headers: map[string]Values{"x-a": {`{"b": 2, "a": 1}`}, "x-many": {"1", "2"}, "date": {"now"}}, SetCookie: []string{"s=2"}, BodyBytes: []byte("hi\n")}
		change(&a)
		return a
	}
	denied := Answer{Status: 401, Headers: map[string]Values{"content-type": {"text/plain"}}}
	tests := []struct {
		name string
		want Answer
		got  Answer
		err  error
		hang bool
		is   Level
	}{
		{"the same but for what does not matter", ok, with(func(*Answer) {}), nil, false, Exact},
		{"another body", ok, with(func(a *Answer) { a.BodyBytes = []byte("ho") }), nil, false, Decision},
		{"another value", ok, with(func(a *Answer) { a.Headers["x-a"] = Values{"{}"} }), nil, false, Decision},
		{"one value missing", ok, with(func(a *Answer) { a.Headers["x-many"] = Values{"1"} }), nil, false, Decision},
		{"header missing", ok, with(func(a *Answer) { delete(a.Headers, "x-a") }), nil, false, Decision},
		{"cookie missing", ok, with(func(a *Answer) { a.SetCookie = nil }), nil, false, Decision},
		{"another 2xx", ok, with(func(a *Answer) { a.Status = 204 }), nil, false, Decision},
		{"denied", ok, denied, nil, false, Denies},
		{"no answer to what was allowed", ok, Answer{}, errors.New("timeout"), false, Denies},
		{"no answer to what was denied", denied, Answer{}, errors.New("timeout"), false, Decision},
		{"allowed", denied, ok, nil, false, Allows},
		{"the type of an empty body", denied, Answer{Status: 401}, nil, false, Exact},
		{"a hang that is denied", Answer{}, denied, nil, true, Exact},
		{"a hang that hangs", Answer{}, Answer{}, errors.New("timeout"), true, Decision},
		{"a hang that is allowed", Answer{}, ok, nil, true, Allows},
		{"bytes", Answer{Status: 401, BodyBytes: []byte{0xff}}, Answer{Status: 401, BodyBytes: []byte{0xfe}}, nil, false, Decision},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judge(&Case{Expect: tt.want, Hang: tt.hang}, tt.got, tt.err)
			if r.Level != tt.is || (r.Level == Exact) != (r.Why == "") {
				t.Errorf("judge() = %s %q, want %s", r.Level, r.Why, tt.is)
			}
		})
	}
}

// The list must not outlive what it excuses, nor excuse what it does not name.
func TestCheck(t *testing.T) {
	results := []Result{
		{Case: &Case{ID: "a-1"}, Level: Exact},
		{Case: &Case{ID: "a-2"}, Level: Decision, Why: "body"},
		{Case: &Case{ID: "a-3"}, Level: Allows, Why: "status"},
		{Case: &Case{ID: "a-4"}, Level: Denies, Why: "status"},
	}
	got := Check(results, []Difference{
		{Level: Decision, Cases: []string{"a-1", "a-2"}},
		{Level: Decision, Cases: []string{"a-3", "a-9"}},
	})
	for i, want := range []string{"a-1: listed, but the answer is exact", "a-3: listed as decision, is allows", "a-4: denies", "a-9: listed, but there is no such case"} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Fatalf("Check() = %q, want %q at %d", got, want, i)
		}
	}
	if got := Check(results[:2], []Difference{{Level: Decision, Cases: []string{"a-2"}}}); len(got) != 0 {
		t.Errorf("Check() = %q, want none", got)
	}
}

// What a client library would repair or refuse goes over the wire as recorded.
func TestSend(t *testing.T) {
	var seen *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.Header()["X-Back"] = []string{"caf\xe9"}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer srv.Close()
	body := "é"
	a, err := send(srv.Listener.Addr().String(), &Request{
		Method: "PUT", Path: "/a%zz?x={", Headers: map[string]Values{"Host": {"h"}, "X-Two": {"1", "é"}}, Body: &body,
	})
	// net/http refuses the path, as it must: the case is answered, and not a transport error.
	if err != nil || a.Status != http.StatusBadRequest {
		t.Fatalf("send(broken path) = %d, %v, want 400", a.Status, err)
	}
	a, err = send(srv.Listener.Addr().String(), &Request{
		Method: "PUT", Path: "/a?x={", Headers: map[string]Values{"Host": {"h"}, "X-Two": {"1", "é"}}, Body: &body,
	})
	if err != nil || a.Status != http.StatusForbidden || !slices.Equal(a.Headers["x-back"], Values{"café"}) {
		t.Fatalf("send() = %+v, %v", a, err)
	}
	if seen.RequestURI != "/a?x={" || !slices.Equal(seen.Header["X-Two"], []string{"1", "\xe9"}) || seen.ContentLength != 2 {
		t.Errorf("the server saw %s %q %d", seen.RequestURI, seen.Header, seen.ContentLength)
	}
}

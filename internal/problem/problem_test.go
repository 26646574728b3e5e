package problem_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/easgate/easgate/internal/problem"
)

func TestAt(t *testing.T) {
	leaf := errors.New("required")
	tests := []struct {
		name       string
		err        error
		path, text string
	}{
		{"nothing", problem.At("a", nil), "", "<nil>"},
		{"one step", problem.At("a", leaf), "a", "a: required"},
		{"several", problem.At("a", problem.At("[0]", problem.At("b", leaf))), "a[0].b", "a[0].b: required"},
		{"no path", problem.At("", problem.At("b", leaf)), "b", "b: required"},
		{"a hint stays", problem.At("a", problem.Hint(leaf, "write %s", "it")), "a", "a: required"},
		{"text between", problem.At("a", problem.Prefix("noop", problem.At("b", leaf))), "a", "a: noop: b: required"},
	}
	for _, tt := range tests {
		if path, _ := problem.Path(tt.err); path != tt.path || fmt.Sprint(tt.err) != tt.text {
			t.Errorf("%s: %q at %q, want %q at %q", tt.name, fmt.Sprint(tt.err), path, tt.text, tt.path)
		}
		if tt.err != nil && !errors.Is(tt.err, leaf) {
			t.Errorf("%s: does not wrap what happened", tt.name)
		}
	}
	if got := problem.HintOf(tests[4].err); got != "write it" {
		t.Errorf("HintOf = %q, want it through At", got)
	}
}

// Each part of several problems has its own place and its own hint.
func TestJoined(t *testing.T) {
	both := errors.Join(problem.UnknownMember("querry", "query"), errors.Join(problem.At("rule", errors.New("required"))))
	var got []string
	for _, part := range problem.Split(problem.Prefix("config token", problem.At("skip[1]", both))) {
		got = append(got, part.Error()+" "+problem.HintOf(part))
	}
	want := "[config token: skip[1].querry: unknown option did you mean query? config token: skip[1].rule: required ]"
	if fmt.Sprint(got) != want {
		t.Errorf("parts = %v, want %s", got, want)
	}
}

func TestUnknown(t *testing.T) {
	plugins := []string{"firebase_jwt", "forward", "htpasswd", "jwt", "ldap", "noop", "request_header", "request_js", "request_param"}
	engines := []string{"handlebars", "jp", "jq", "js", "jsonata"}
	methods := []string{"contains", "contains-all", "contains-any", "empty", "eq", "in", "regex"}
	tests := []struct {
		name  string
		known []string
		want  string
	}{
		{"htpaswd", plugins, "did you mean htpasswd?"},
		{"HTPASSWD", plugins, "did you mean htpasswd?"},
		{"request-header", plugins, "did you mean request_header?"},
		{"header", plugins, "did you mean request_header?"},
		{"basic_auth", plugins, "did you mean htpasswd?"},
		{"forward-auth", plugins, "did you mean forward?"},
		{"saml", plugins, "want one of firebase_jwt, forward, htpasswd, jwt, ldap, noop, request_header, request_js, request_param"},
		{"jsonpath", engines, "did you mean jp?"},
		{"json", engines, "did you mean jsonata?"},
		{"equals", methods, "did you mean eq?"},
		{"contain", methods, "did you mean contains?"},
		{"contains_any", methods, "did you mean contains-any?"},
		{"regexp", methods, "did you mean regex?"},
		{"audiences", []string{"audience", "issuer"}, "did you mean audience?"},
		{"ulr", []string{"ca", "url"}, "did you mean url?"},
		{"colour", []string{"status_code"}, "want status_code"},
		{"x", nil, ""},
	}
	for _, tt := range tests {
		err := problem.Unknown("name", tt.name, tt.known...)
		if got := problem.HintOf(err); got != tt.want || err.Error() != fmt.Sprintf("unknown name %q", tt.name) {
			t.Errorf("Unknown(%s) = %v, hint %q, want %q", tt.name, err, got, tt.want)
		}
	}
}

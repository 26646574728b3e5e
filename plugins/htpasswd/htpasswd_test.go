package htpasswd_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/htpasswd"
	"github.com/easgate/easgate/plugins/plugintest"
)

func basic(user, password string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}}
}

func TestContract(t *testing.T) {
	config, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(htpasswd.New),
		Config:  config,
		Allowed: plugintest.Request{Header: basic("alice", "wonderland")},
		Secrets: []string{"$2y$10$", "$apr1$", "t0ps3cret"},
		BadConfigs: map[string]string{
			`{}`:                              "htpasswd: required",
			`{"htpasswd": "# nobody\n"}`:      "htpasswd: required",
			`{"htpasswd": ["u:x"]}`:           "htpasswd: want",
			`{"htpasswd": {"u": "x"}}`:        "htpasswd: want",
			`{"htpasswd": "u:x", "realm": 5}`: "realm: want",
			`{"htpasswd": "u:t0ps3cret"}`:     `htpasswd: line 1: user "u": unknown hash`,
			`{"htpasswd": "\n\nt0ps3cret"}`:   "htpasswd: line 3: want user:hash",
			`{"htpasswd": "u:$9$t0ps3cret"}`:  `htpasswd: line 1: user "u": unknown hash`,
			`{"htpasswd": "u:{X}t0ps3cret"}`:  `htpasswd: line 1: user "u": unknown hash`,
			`{"htpasswd": "u:$2x$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup."}`:           "unknown hash",
			`{"htpasswd": "u:$2y$17$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup."}`:           "bcrypt cost 17",
			`{"htpasswd": "u:$9$x", "allow_plain": true}`:                                              "unknown hash",
			`{"htpasswd": "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nu:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}`: "line 2",
			`{"htpasswd": "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "cache_ttl": -1}`:                     "cache_ttl: want",
		},
	})
}

// The cases of external-auth-server's corpus, through a plugin that is built as for its tokens.
func TestAsEAS(t *testing.T) {
	raw, err := os.ReadFile("testdata/eas.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		ID, Note, Challenge string
		Plugin              json.RawMessage
		Authorization       *string
		Status              int
		Hangs               bool
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	// What differs on purpose.
	status := map[string]int{"htpasswd-074": 401} // "Basic " alone is the client's mistake, not ours
	challenge := map[string]string{
		"htpasswd-074": `Basic realm="r"`,
		// EAS removes the first quote and backslash and leaves the others; RFC 9110 escapes them.
		"htpasswd-095": `Basic realm="a\"b\"c\"d"`,
		"htpasswd-096": `Basic realm="a\\b\\c"`,
		// EAS never answers.
		"htpasswd-024": `Basic realm="golden"`, "htpasswd-029": `Basic realm="golden"`, "htpasswd-030": `Basic realm="golden"`,
		"htpasswd-098": `Basic realm="??"`,
	}
	for _, tt := range cases {
		t.Run(tt.ID+" "+tt.Note, func(t *testing.T) {
			want, wantChallenge := tt.Status, tt.Challenge
			if s, ok := status[tt.ID]; ok || tt.Hangs {
				want = max(s, http.StatusUnauthorized)
			}
			if s, ok := challenge[tt.ID]; ok {
				wantChallenge = s
			}
			p, _, err := plugins.Of(htpasswd.New).Build(tt.Plugin, plugintest.Env(t))
			if err != nil {
				// Only what ends EAS's process may fail to build.
				if !tt.Hangs {
					t.Errorf("Build = %v", err)
				}
				return
			}
			h := http.Header{}
			if tt.Authorization != nil {
				h.Set("Authorization", *tt.Authorization)
			}
			res, err := p.Verify(t.Context(), plugintest.Request{Header: h}.Build())
			if err != nil {
				t.Fatal(err)
			}
			if got := res.StatusCode(); got != want || (res.Verdict == plugins.Allow) != (want == 200) {
				t.Errorf("Verify = %v %d %q, want %d", res.Verdict, got, res.Reason, want)
			}
			if got := res.Header.Get("WWW-Authenticate"); got != wantChallenge {
				t.Errorf("WWW-Authenticate = %q, want %q", got, wantChallenge)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	p := build(t, htpasswd.Config{Realm: "r", Htpasswd: "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nnull:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n"})
	for _, tt := range []struct {
		name   string
		header http.Header
		want   plugins.Verdict
	}{
		{"right", basic("alice", "password"), plugins.Allow},
		{"wrong", basic("alice", "guess"), plugins.Deny},
		{"unknown user", basic("bob", "password"), plugins.Deny},
		{"no user", basic("", "password"), plugins.Deny},
		{"names in their case", basic("Alice", "password"), plugins.Deny},
		{"empty password", basic("alice", ""), plugins.Deny},
		// The hash is that of the empty password.
		{"empty password, rightly", basic("null", ""), plugins.Deny},
		{"NUL", basic("alice", "password\x00"), plugins.Deny},
		{"the hash as password", basic("alice", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="), plugins.Deny},
		{"no credentials", nil, plugins.Abstain},
		{"another scheme", http.Header{"Authorization": {"Bearer x"}}, plugins.Abstain},
		{"Basic beside Bearer", http.Header{"Authorization": {"Bearer x", basic("alice", "password").Get("Authorization")}}, plugins.Allow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := p.Verify(t.Context(), plugintest.Request{Header: tt.header}.Build())
			if err != nil || res.Verdict != tt.want {
				t.Fatalf("Verify = %v, %v, want %v", res.Verdict, err, tt.want)
			}
			if tt.want == plugins.Allow {
				if id := res.Identity; id.Subject != "alice" || id.Realm != "r" {
					t.Errorf("identity = %+v, want alice of r", id)
				}
				return
			}
			if got := res.Header.Get("WWW-Authenticate"); res.StatusCode() != 401 || got != `Basic realm="r", charset="UTF-8"` {
				t.Errorf("answer = %d %q, want 401 and a challenge", res.StatusCode(), got)
			}
		})
	}
}

func TestPlainText(t *testing.T) {
	const file = "alice:builder\nbob:$9$x\ncarol:{X}y\ndave:t2D9yT55hLHZg\n"
	for _, allow := range []bool{false, true} {
		var warnings []error
		env := plugintest.Env(t)
		env.Report = func(err error) { warnings = append(warnings, err) }
		p, err := htpasswd.New(htpasswd.Config{Htpasswd: file, AllowPlain: allow}, env)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			user, password string
			want           bool
		}{
			{"alice", "builder", allow},
			{"alice", "guess", false},
			{"bob", "$9$x", false},
			{"carol", "{X}y", false},
			{"dave", "t2D9yT55hLHZg", false},
			{"dave", "password", true},
		} {
			res, err := p.Verify(t.Context(), plugintest.Request{Header: basic(tt.user, tt.password)}.Build())
			if got := res.Verdict == plugins.Allow; err != nil || got != tt.want {
				t.Errorf("allow_plain %v: Verify(%s, %s) = %v, %v, want %v", allow, tt.user, tt.password, got, err, tt.want)
			}
		}
		if got := errors.Join(warnings...).Error(); strings.Contains(got, "builder") || !strings.Contains(got, "line 2") {
			t.Errorf("warnings = %s", got)
		}
	}
}

// To bcrypt "password\x00password" is "password", since it repeats the key, which ends in a NUL.
func TestNULDenies(t *testing.T) {
	p := build(t, htpasswd.Config{Htpasswd: "u:$2y$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup."})
	for password, want := range map[string]plugins.Verdict{"password": plugins.Allow, "password\x00password": plugins.Deny} {
		res, err := p.Verify(t.Context(), plugintest.Request{Header: basic("u", password)}.Build())
		if err != nil || res.Verdict != want {
			t.Errorf("Verify(%q) = %v, %v, want %v", password, res.Verdict, err, want)
		}
	}
}

// Whoever writes into one answer must not write into the next.
func TestAnswersShareNothing(t *testing.T) {
	p := build(t, htpasswd.Config{Htpasswd: "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="})
	r := plugintest.Request{}.Build()
	first, _ := p.Verify(t.Context(), r)
	first.Header.Add("WWW-Authenticate", "Bearer")
	first.Header.Set("X-Other", "1")
	second, _ := p.Verify(t.Context(), r)
	if len(second.Header) != 1 || len(second.Header["Www-Authenticate"]) != 1 {
		t.Errorf("second answer = %v, want one challenge", second.Header)
	}
}

func build(t testing.TB, c htpasswd.Config) plugins.Plugin {
	t.Helper()
	env := plugintest.Env(t)
	env.Native = true
	p, err := htpasswd.New(c, env)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func BenchmarkVerify(b *testing.B) {
	for _, bb := range []struct{ name, line, user, password string }{
		{"bcrypt10 remembered", "alice:$2y$10$J7h1/yYHk8Jm5l9ytoI4WeqFsK7s/c8dV0IhK3F/OUlvdJh8hVMqO", "alice", "wonderland"},
		{"sha", "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "u", "password"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := build(b, htpasswd.Config{Htpasswd: plugins.Secret(bb.line)})
			r := plugintest.Request{Header: basic(bb.user, bb.password)}.Build()
			b.ReportAllocs()
			for b.Loop() {
				if res, err := p.Verify(b.Context(), r); err != nil || res.Verdict != plugins.Allow {
					b.Fatalf("Verify = %v, %v", res.Verdict, err)
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	c := htpasswd.Config{Htpasswd: "alice:$2y$10$J7h1/yYHk8Jm5l9ytoI4WeqFsK7s/c8dV0IhK3F/OUlvdJh8hVMqO\nbob:$apr1$9soXusLz$mrtQIu7wGnRZyQyi4Pyck1\n"}
	env := plugintest.Env(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := htpasswd.New(c, env); err != nil {
			b.Fatal(err)
		}
	}
}

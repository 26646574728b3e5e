package htpasswd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/plugins"
)

const (
	bcryptLine = "alice:$2y$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup." // "password"
	apr1Line   = "bob:$apr1$pKfgiFPf$hsa4Yluo7Z.rzUFYQiE4q0"                          // "password"
	shaLine    = "carol:" + sha
	brokenLine = "dave:$9$x"
	dearLine   = "erin:$2y$14$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup." // a second a check
)

// counted builds a plugin that notes the kinds of the hashes it checks.
func counted(t testing.TB, c Config, env plugins.Env) (*Plugin, func() string) {
	t.Helper()
	if env.Now == nil {
		env.Now = time.Now
	}
	built, err := New(c, env)
	if err != nil {
		t.Fatal(err)
	}
	p := built.(*Plugin)
	var mu sync.Mutex
	var work []string
	names := map[kind]string{unknown: "none", sha1Sum: "sha", md5Crypt: "apr1", bcryptKind: "bcrypt"}
	p.check = func(k kind, hash, password string) bool {
		mu.Lock()
		if k != unknown {
			work = append(work, names[k])
		}
		mu.Unlock()
		return k.check(hash, password)
	}
	return p, func() string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { work = nil }()
		return strings.Join(work, " ")
	}
}

func request(user, password string) *plugins.Request {
	return &plugins.Request{Header: http.Header{
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))},
	}}
}

// ATTACKS 39: who measures the answer must not learn which users exist. Measured in work, not in time.
func TestUnknownUsersCostTheSame(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		want       map[string]string
	}{
		{"one kind", bcryptLine, map[string]string{"alice": "bcrypt", "nobody": "bcrypt"}},
		{"cheap ones only", shaLine, map[string]string{"carol": "sha", "nobody": "sha"}},
		// The cheaper hash comes on top; next to the dearest one it is not to be seen.
		{"mixed", bcryptLine + "\n" + shaLine, map[string]string{"alice": "bcrypt", "carol": "sha bcrypt", "nobody": "bcrypt"}},
		{"a line that nothing matches", bcryptLine + "\n" + brokenLine, map[string]string{"alice": "bcrypt", "dave": "bcrypt", "nobody": "bcrypt"}},
		{"nothing but that", brokenLine, map[string]string{"dave": "", "nobody": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, work := counted(t, Config{Htpasswd: plugins.Secret(tt.file)}, plugins.Env{})
			var answers []string
			for user, want := range tt.want {
				for range 2 {
					// A second guess is not cheaper than the first.
					res, err := p.Verify(t.Context(), request(user, "guess"))
					if err != nil {
						t.Fatal(err)
					}
					answers = append(answers, fmt.Sprint(res.Verdict, res.StatusCode(), res.Header, res.Body))
					if got := work(); got != want {
						t.Errorf("a wrong password for %s checks %q, want %q", user, got, want)
					}
				}
			}
			for _, a := range answers {
				if a != answers[0] {
					t.Errorf("answers %s and %s differ", a, answers[0])
				}
			}
		})
	}
}

func TestRightPasswordIsRemembered(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	seconds := func(n int) *int { return &n }
	for _, tt := range []struct {
		name  string
		ttl   *int
		after time.Duration
		want  string
	}{
		{"within the default minute", nil, 59 * time.Second, ""},
		{"after the default minute", nil, 60 * time.Second, "bcrypt"},
		{"within an option", seconds(300), 299 * time.Second, ""},
		{"after an option", seconds(300), 300 * time.Second, "bcrypt"},
		{"never", seconds(0), 0, "bcrypt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := now
			p, work := counted(t, Config{Htpasswd: bcryptLine, CacheTTL: tt.ttl}, plugins.Env{Now: func() time.Time { return clock }})
			for i, want := range []string{"bcrypt", tt.want} {
				res, err := p.Verify(t.Context(), request("alice", "password"))
				if err != nil || res.Verdict != plugins.Allow {
					t.Fatalf("Verify = %v, %v, want allow", res.Verdict, err)
				}
				if got := work(); got != want {
					t.Errorf("request %d checks %q, want %q", i+1, got, want)
				}
				clock = now.Add(tt.after)
			}
			// What is remembered helps nobody who does not know it.
			for _, c := range [][2]string{{"alice", "passwore"}, {"alice", "password "}, {"alic", "epassword"}, {"bob", "password"}} {
				res, err := p.Verify(t.Context(), request(c[0], c[1]))
				if err != nil || res.Verdict != plugins.Deny || work() != "bcrypt" {
					t.Errorf("Verify(%s, %s) = %v, %v, want a deny that hashes", c[0], c[1], res.Verdict, err)
				}
			}
		})
	}
}

// A wrong guess must not drive out what is remembered of the user.
func TestGuessesForgetNothing(t *testing.T) {
	p, work := counted(t, Config{Htpasswd: bcryptLine + "\n" + apr1Line}, plugins.Env{})
	for _, r := range []*plugins.Request{request("alice", "password"), request("alice", "guess"), request("nobody", "password")} {
		if _, err := p.Verify(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	work()
	if res, err := p.Verify(t.Context(), request("alice", "password")); err != nil || res.Verdict != plugins.Allow || work() != "" {
		t.Errorf("Verify = %v, %v, want a remembered allow", res.Verdict, err)
	}
}

func TestConcurrentLoginsShareOneCheck(t *testing.T) {
	for _, password := range []string{"password", "guess"} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := counted(t, Config{Htpasswd: bcryptLine}, plugins.Env{Hashing: credential.NewProcessors(1)})
			var checks atomic.Int32
			start := make(chan struct{})
			p.check = func(k kind, hash, password string) bool {
				checks.Add(1)
				<-start
				return password == "password"
			}
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					res, err := p.Verify(t.Context(), request("alice", password))
					if err != nil || (res.Verdict == plugins.Allow) != (password == "password") {
						t.Errorf("Verify(%s) = %v, %v", password, res.Verdict, err)
					}
				})
			}
			synctest.Wait()
			close(start)
			wg.Wait()
			if got := checks.Load(); got != 1 {
				t.Errorf("20 logins at once made %d checks, want 1", got)
			}
		})
	}
}

// When the client leaves whose request does the check for all, the others still get their answer.
func TestTheFirstClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashing, release := credential.NewProcessors(1), make(chan struct{})
		go func() { _ = hashing.Queue().Do(t.Context(), 0, func() { <-release }) }()
		synctest.Wait()
		p, _ := counted(t, Config{Htpasswd: bcryptLine}, plugins.Env{Hashing: hashing})
		ctx, leave := context.WithCancel(t.Context())
		answers := make(chan plugins.Verdict, 2)
		verify := func(ctx context.Context) {
			res, err := p.Verify(ctx, request("alice", "password"))
			if err != nil {
				t.Error(err)
			}
			answers <- res.Verdict
		}
		go verify(ctx)
		synctest.Wait()
		go verify(t.Context())
		synctest.Wait()
		leave()
		if got := <-answers; got != plugins.Deny {
			t.Errorf("the client who left got %v, want deny", got)
		}
		synctest.Wait()
		close(release)
		if got := <-answers; got != plugins.Allow {
			t.Errorf("the client who stayed got %v, want allow", got)
		}
	})
}

// ATTACKS 56: guesses that would wait too long are denied at once, and what is remembered needs no processor.
func TestGuessesQueueBoundedByWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, work := counted(t, Config{Htpasswd: dearLine}, plugins.Env{Hashing: credential.NewProcessors(1)})
		p.check = func(_ kind, _, password string) bool {
			time.Sleep(time.Second)
			return password == "password"
		}
		if res, err := p.Verify(t.Context(), request("erin", "password")); err != nil || res.Verdict != plugins.Allow {
			t.Fatalf("Verify = %v, %v, want allow", res.Verdict, err)
		}
		work()
		start := time.Now()
		var refused, checked atomic.Int32
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				res, err := p.Verify(ctx, request("erin", fmt.Sprint("guess", i)))
				switch {
				case err == nil && res.StatusCode() == 401:
					checked.Add(1)
				case err == nil && res.StatusCode() == 503 && res.Header.Get("Retry-After") != "" && time.Since(start) == 0:
					refused.Add(1)
				default:
					t.Errorf("Verify(guess) = %v %d, %v after %v", res.Verdict, res.StatusCode(), err, time.Since(start))
				}
			})
		}
		synctest.Wait()
		if res, err := p.Verify(t.Context(), request("erin", "password")); err != nil || res.Verdict != plugins.Allow {
			t.Errorf("Verify(remembered) = %v, %v, want allow", res.Verdict, err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the remembered password waited %v", waited)
		}
		wg.Wait()
		if got := checked.Load(); got < 8 || got > 10 || refused.Load() != 40-got {
			t.Errorf("40 guesses of a second each: %d checked, %d refused at once, want 9 and 31", got, refused.Load())
		}
	})
}

// Two who log in at once with bcrypt of cost 14, which Caddy's hash-password makes, both get in.
func TestDearHashesWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := dearLine + "\n" + strings.Replace(dearLine, "erin", "frank", 1)
		p, _ := counted(t, Config{Htpasswd: plugins.Secret(file)}, plugins.Env{Hashing: credential.NewProcessors(1)})
		p.check = func(kind, string, string) bool {
			time.Sleep(1500 * time.Millisecond)
			return true
		}
		var wg sync.WaitGroup
		for _, user := range []string{"erin", "frank"} {
			wg.Go(func() {
				if res, err := p.Verify(t.Context(), request(user, "password")); err != nil || res.Verdict != plugins.Allow {
					t.Errorf("Verify(%s) = %v %d, %v, want allow", user, res.Verdict, res.StatusCode(), err)
				}
			})
		}
		wg.Wait()
	})
}

// The pipeline recovers from panics of the request's goroutine; one in any other would end the process.
func TestPanicIsAnError(t *testing.T) {
	p, _ := counted(t, Config{Htpasswd: bcryptLine}, plugins.Env{})
	p.check = func(kind, string, string) bool { panic("boom") }
	if res, err := p.Verify(t.Context(), request("alice", "password")); err == nil || strings.Contains(err.Error(), "boom") {
		t.Errorf("Verify = %v, %v, want an error without the value", res.Verdict, err)
	}
}

func TestCancelledBeforeItsTurn(t *testing.T) {
	p, work := counted(t, Config{Htpasswd: bcryptLine}, plugins.Env{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	res, err := p.Verify(ctx, request("alice", "password"))
	if err != nil || res.Verdict != plugins.Deny || work() != "" {
		t.Errorf("Verify = %v, %v, want a deny without work", res.Verdict, err)
	}
}

func TestProblems(t *testing.T) {
	var problems []error
	env := plugins.Env{Native: true, Report: func(err error) { problems = append(problems, err) }}
	_, err := New(Config{Htpasswd: bcryptLine + "\n" + brokenLine}, env)
	if got := errors.Join(problems...); err != nil || !errors.Is(got, errUnknownHash) || !strings.Contains(got.Error(), "line 2") {
		t.Errorf("New = %v with %v, want an unknown hash in line 2", err, got)
	}
}

package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// request asks p for address with the cookies that b holds.
func request(b *logintest.Browser, address string) *plugins.Request {
	h := http.Header{"Accept": {"text/html"}}
	for _, c := range b.Cookies(address) {
		h.Add("Cookie", c.Name+"="+c.Value)
	}
	return plugintest.Request{URL: address, Header: h}.Build()
}

func login(t *testing.T, h *house, p plugins.Plugin) *logintest.Browser {
	t.Helper()
	b := logintest.NewBrowser(t, p, h.Provider)
	if res := b.Login(deep); res.Verdict != plugins.Allow {
		t.Fatalf("login ends with %d: %s", res.StatusCode(), res.Reason)
	}
	return b
}

// A provider that rotates refresh tokens takes each once, and ends the grant of whoever comes with an old one: two refreshes
// at once lose the session. Replicas share nothing but the store.
func TestRefreshOnce(t *testing.T) {
	h := newHouse(t)
	replicas := []plugins.Plugin{h.plugin(t, nil), h.plugin(t, nil), h.plugin(t, nil)}
	b := login(t, h, replicas[0])
	for round := range 3 {
		h.clock.Add(h.TTL + time.Second)
		var wg sync.WaitGroup
		tokens := make(chan string, 150)
		for i := range 150 {
			wg.Go(func() {
				res, err := replicas[i%3].Verify(t.Context(), request(b, deep))
				if err != nil || res.Verdict != plugins.Allow {
					t.Errorf("Verify = %v %s %v", res.Verdict, res.Reason, err)
				}
				tokens <- res.Header.Get("X-Access-Token")
			})
		}
		wg.Wait()
		close(tokens)
		first := <-tokens
		for token := range tokens {
			if token != first {
				t.Errorf("requests were given %s and %s", first, token)
			}
		}
		if got := h.Calls["refresh_token"]; got != round+1 {
			t.Errorf("%d refreshes after %d rounds", got, round+1)
		}
	}
}

// The provider has rotated, and its answer was lost: the old token is used again, refused, and a new login begins.
func TestRefreshAnswerLost(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, nil))
	h.clock.Add(h.TTL + time.Second)
	h.set(func() { h.Lose = true })
	if res, err := b.Get(deep); !unavailable(res, err) {
		t.Fatalf("Verify = %v %v, want 503", res.Verdict, err)
	}
	calls := h.Calls["refresh_token"]
	if res, err := b.Get(deep); !unavailable(res, err) || h.Calls["refresh_token"] != calls {
		t.Errorf("Verify at once = %v after %d calls, want 503 without another call", err, h.Calls["refresh_token"]-calls)
	}
	h.set(func() { h.Lose = false })
	h.clock.Add(5 * time.Second)
	if res, err := b.Get(deep); err != nil || res.StatusCode() != http.StatusFound {
		t.Errorf("Verify = %d %v, want a new login", res.StatusCode(), err)
	}
	if res := b.Login(deep); res.Verdict != plugins.Allow {
		t.Errorf("login = %d %s", res.StatusCode(), res.Reason)
	}
}

func TestProviderDownDuringRefresh(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, nil))
	h.clock.Add(h.TTL + time.Second)
	h.Answer = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "<html>", http.StatusBadGateway)
		return true
	}
	if res, err := b.Get(deep); !unavailable(res, err) {
		t.Fatalf("Verify = %v %v, want 503", res.Verdict, err)
	}
	h.Answer = nil
	h.clock.Add(5 * time.Second)
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("Verify = %v %s %v, want allow: the session was not lost", res.Verdict, res.Reason, err)
	}
}

func TestRefreshRefused(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, nil))
	h.clock.Add(h.TTL + time.Second)
	h.IDToken = func(c map[string]any) { c["sub"] = "mallory" }
	if res, err := b.Get(deep); err != nil || res.StatusCode() != http.StatusFound {
		t.Errorf("Verify = %d %v, want a new login: the refreshed ID token is about somebody else", res.StatusCode(), err)
	}
}

func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		name     string
		features map[string]any
		norefesh bool
		// after are steps in time, and whether the session goes on.
		after []time.Duration
		want  []bool
	}{
		{"tokens without refresh", nil, true, []time.Duration{4 * time.Minute, 2 * time.Minute}, []bool{true, false}},
		{"refresh switched off", map[string]any{"refresh_access_token": false}, false, []time.Duration{4 * time.Minute, 2 * time.Minute}, []bool{true, false}},
		{"refreshed for ever", nil, false, []time.Duration{24 * time.Hour, 20 * 24 * time.Hour, 20 * 24 * time.Hour}, []bool{true, true, true}},
		{"seconds, counted anew by a refresh", map[string]any{"session_expiry": 600}, false,
			[]time.Duration{9 * time.Minute, 9 * time.Minute, 11 * time.Minute}, []bool{true, true, false}},
		{"seconds without a window", map[string]any{"session_expiry": 200}, false,
			[]time.Duration{150 * time.Second, 60 * time.Second}, []bool{true, false}},
		{"seconds with a window", map[string]any{"session_expiry": 200, "session_expiry_refresh_window": 100}, false,
			[]time.Duration{150 * time.Second, 60 * time.Second, 30 * time.Second, 201 * time.Second}, []bool{true, true, true, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.NoRefresh = tt.norefesh
			b := login(t, h, h.plugin(t, func(c map[string]any) { c["features"] = tt.features }))
			for i, d := range tt.after {
				h.clock.Add(d)
				res, err := b.Get(deep)
				if err != nil || (res.Verdict == plugins.Allow) != tt.want[i] {
					t.Errorf("after step %d: Verify = %v %s %v, want allowed = %v", i, res.Verdict, res.Reason, err, tt.want[i])
				}
			}
		})
	}
}

func TestUserinfoExpiry(t *testing.T) {
	h := newHouse(t)
	b := login(t, h, h.plugin(t, func(c map[string]any) { c["features"] = map[string]any{"userinfo_expiry": 60} }))
	get := func(want int) {
		t.Helper()
		if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow || h.Calls["/userinfo"] != want {
			t.Errorf("Verify = %v %v after %d calls, want %d", res.Verdict, err, h.Calls["/userinfo"], want)
		}
	}
	get(1)
	h.clock.Add(61 * time.Second)
	get(2)
	get(2)
	h.UserinfoStatus = http.StatusNotFound
	h.clock.Add(61 * time.Second)
	if res, err := b.Get(deep); !unavailable(res, err) {
		t.Errorf("Verify = %v, want 503: userinfo answers 404", res.Verdict)
	}
	h.UserinfoStatus = 0
	h.clock.Add(5 * time.Second)
	get(4)
	h.UserinfoStatus = http.StatusUnauthorized
	h.clock.Add(61 * time.Second)
	if res, err := b.Get(deep); err != nil || res.StatusCode() != http.StatusFound {
		t.Errorf("Verify = %d %v, want a new login: userinfo answers 401", res.StatusCode(), err)
	}
}

func TestIntrospection(t *testing.T) {
	h := newHouse(t)
	features := map[string]any{"introspect_access_token": true}
	b := login(t, h, h.plugin(t, func(c map[string]any) { c["features"] = features }))
	before := h.Calls["/introspect"]
	for range 3 {
		if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
			t.Fatalf("Verify = %v %v", res.Verdict, err)
		}
	}
	if got := h.Calls["/introspect"] - before; got != 3 {
		t.Errorf("%d introspections for 3 requests", got)
	}
	features["introspect_expiry"] = 60
	cached := h.plugin(t, func(c map[string]any) { c["features"] = features })
	b.Plugin = cached
	for range 3 {
		if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
			t.Fatalf("Verify = %v %v", res.Verdict, err)
		}
	}
	if got := h.Calls["/introspect"] - before; got != 4 {
		t.Errorf("%d introspections, want one more for 60 s", got-3)
	}
	h.Inactive = true
	h.clock.Add(61 * time.Second)
	if res, err := b.Get(deep); err != nil || res.StatusCode() != http.StatusFound {
		t.Errorf("Verify = %d %v, want a new login: the token is not active", res.StatusCode(), err)
	}
}

// brokenStore fails when it is told to, and counts what is written.
type brokenStore struct {
	session.Store
	mu     sync.Mutex
	broken bool
	writes int
}

var errDown = errors.New("connection refused")

func (s *brokenStore) down() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errDown
	}
	return nil
}

func (s *brokenStore) wrote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
}

func (s *brokenStore) Load(ctx context.Context, id session.ID) (session.Record, bool, error) {
	if err := s.down(); err != nil {
		return session.Record{}, false, err
	}
	return s.Store.Load(ctx, id)
}

func (s *brokenStore) Save(ctx context.Context, r session.Record) (int64, error) {
	s.wrote()
	if err := s.down(); err != nil {
		return 0, err
	}
	return s.Store.Save(ctx, r)
}

func (s *brokenStore) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	s.wrote()
	if err := s.down(); err != nil {
		return false, err
	}
	return s.Store.Once(ctx, key, until)
}

// ATTACKS 17: a store that cannot answer lets nobody in, and sends nobody to log in: the new session would replace one that
// is only out of reach.
func TestStoreDown(t *testing.T) {
	h := newHouse(t)
	store := &brokenStore{Store: h.store}
	h.store = store
	b := login(t, h, h.plugin(t, nil))
	store.broken = true
	for _, p := range []plugins.Plugin{b.Plugin, h.plugin(t, nil)} { // with and without a memory of the session
		b.Plugin = p
		if res, err := b.Get(deep); !unavailable(res, err) {
			t.Errorf("Verify = %v %v, want 503 and no cookie", res, err)
		}
	}
	store.broken = false
	if res, err := b.Get(deep); err != nil || res.Verdict != plugins.Allow {
		t.Errorf("Verify = %v %v, want allow", res.Verdict, err)
	}
}

// Whoever is not logged in writes nothing, so that bots cannot fill the store; a failed callback writes that its state was used.
func TestWritesNothing(t *testing.T) {
	h := newHouse(t)
	store := &brokenStore{Store: h.store}
	h.store = store
	b := logintest.NewBrowser(t, h.plugin(t, nil), h.Provider)
	for range 5 {
		if _, err := b.Get(deep); err != nil {
			t.Fatal(err)
		}
	}
	if store.writes != 0 {
		t.Errorf("%d writes of requests without a session", store.writes)
	}
	res, err := b.Get(deep)
	if err != nil {
		t.Fatal(err)
	}
	back := b.Authorize(res)
	h.IDToken = func(c map[string]any) { c["nonce"] = "x" }
	if res, err := b.Get(back); err != nil || res.StatusCode() != http.StatusForbidden || len(res.Cookies) > 0 {
		t.Errorf("callback = %d %v %v", res.StatusCode(), res.Cookies, err)
	}
	if store.writes != 1 {
		t.Errorf("%d writes of a failed callback, want that its state was used", store.writes)
	}
}

// unavailable reports whether an answer says to come back later, and leaves everything as it is.
func unavailable(res plugins.Result, err error) bool {
	return err == nil && res.Verdict == plugins.Deny && res.StatusCode() == http.StatusServiceUnavailable &&
		res.Header.Get("Retry-After") != "" && len(res.Cookies) == 0 && res.Reason != "" && len(res.Body) > 0
}

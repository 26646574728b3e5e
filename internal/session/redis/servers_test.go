//go:build integration

package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/sessiontest"
	"github.com/easgate/easgate/internal/testserver"
)

// prefixes keep the stores of one server apart.
var prefixes = struct {
	sync.Mutex
	n int
}{}

// open returns a store of its own with those options. Redis keeps the time, so that passing it is waiting.
func open(t testing.TB, options string, log *slog.Logger) sessiontest.Bench {
	t.Helper()
	if !strings.Contains(options, `"prefix"`) {
		prefixes.Lock()
		prefixes.n++
		options = fmt.Sprintf(`{"prefix":"test%d*?:",%s`, prefixes.n, options[1:])
		prefixes.Unlock()
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s, err := New(config(t, options), Options{Log: log, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return sessiontest.Bench{Store: s, Now: time.Now, Pass: func(d time.Duration) { time.Sleep(d + 20*time.Millisecond) }}
}

func single(s *testserver.Server) string {
	return fmt.Sprintf(`{"host":%q,"port":%d,"password":%q}`, s.Host, s.Port, s.Password)
}

func contract(t *testing.T, options string) {
	sessiontest.Run(t, func(t *testing.T) sessiontest.Bench { return open(t, options, nil) })
}

func TestSingle(t *testing.T) {
	s := testserver.Redis(t)
	t.Run("contract", func(t *testing.T) { contract(t, single(s)) })
	t.Run("contract with a local cache", func(t *testing.T) {
		contract(t, strings.Replace(single(s), "{", `{"local_cache":1000,`, 1))
	})
	t.Run("local cache", func(t *testing.T) { localCache(t, s) })
	t.Run("ACL", func(t *testing.T) { accessControl(t, s) })
	t.Run("a replica is killed", func(t *testing.T) {
		options := strings.Replace(single(s), "{", `{"prefix":"killed:",`, 1)
		open(t, options, nil).Killed(t, "TestWriter", "EASGATE_TEST_REDIS="+options)
	})
	t.Run("poisoned", func(t *testing.T) { poisoned(t, s) })
	t.Run("the server freezes", func(t *testing.T) { outOfReach(t, s, s.Freeze, s.Thaw) })
	t.Run("the server is down", func(t *testing.T) { outOfReach(t, s, s.Kill, s.Start) })
}

// TestWriter is the replica that TestSingle kills.
func TestWriter(t *testing.T) {
	options := os.Getenv("EASGATE_TEST_REDIS")
	if options == "" {
		t.Skip("for the test that kills it")
	}
	open(t, options, nil).Write(t)
}

func TestTLS(t *testing.T) {
	s := testserver.RedisTLS(t)
	ca, _ := json.Marshal(s.CA)
	options := func(tls string) string { return strings.Replace(single(s), "{", `{"tls":`+tls+`,`, 1) }
	if err := open(t, options(`{"ca":`+string(ca)+`}`), nil).Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
	if err := open(t, options(`{"ca":`+string(ca)+`,"servername":"other.test"}`), nil).Ready(t.Context()); err == nil {
		t.Error("Ready with another server's name: no error")
	}
	if err := open(t, options("true"), nil).Ready(t.Context()); err == nil {
		t.Error("Ready with the system's authorities: no error")
	}
	if err := open(t, options(`{"rejectUnauthorized":false}`), nil).Ready(t.Context()); err != nil {
		t.Errorf("Ready with any server = %v", err)
	}
}

func TestCluster(t *testing.T) {
	servers := testserver.RedisCluster(t)
	contract(t, fmt.Sprintf(`{"clusterConfig":{"nodes":[{"host":%q,"port":%d}],"options":{"redisOptions":{"password":%q}}}}`,
		servers[0].Host, servers[0].Port, servers[0].Password))
}

// accessControl checks that the rights that docs/sessions.md names are enough.
func accessControl(t *testing.T, s *testserver.Server) {
	s.Do("ACL", "SETUSER", "eas", "on", ">pw", "~acl:*", "&acl:*", "+@connection", "+get", "+set", "+del", "+zadd", "+zrange",
		"+zremrangebyscore", "+pttl", "+pexpire", "+eval", "+scan", "+wait", "+info", "+publish", "+subscribe")
	b := open(t, fmt.Sprintf(`{"host":%q,"port":%d,"username":"eas","password":"pw","prefix":"acl:","local_cache":500}`, s.Host, s.Port), nil)
	r := b.New("x")
	r.Subject = "s"
	r = b.Saved(t, r)
	if release, ok, err := b.Lease(t.Context(), r.ID, time.Minute); !ok || err != nil {
		t.Errorf("Lease = %v, %v", ok, err)
	} else {
		release()
	}
	for _, err := range b.Store.(session.Lister).All(t.Context(), session.Match{}) {
		if err != nil {
			t.Errorf("All: %v", err)
		}
	}
	if n, err := b.DeleteBy(t.Context(), session.Match{Subject: "s"}); n != 1 || err != nil {
		t.Errorf("DeleteBy = %d, %v", n, err)
	}
	wrong := open(t, fmt.Sprintf(`{"host":%q,"port":%d,"username":"eas","password":"wrong-s3cret"}`, s.Host, s.Port), nil)
	if err := wrong.Ready(t.Context()); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Ready with a wrong password = %v", err)
	}
}

// ATTACKS 17: a server that does not answer is an error within the bound, and the sessions are there when it does
// again.
func outOfReach(t *testing.T, s *testserver.Server, away, back func()) {
	b := open(t, strings.Replace(single(s), "{", `{"local_cache":1000,`, 1), nil)
	r := b.Saved(t, b.New("x"))
	away()
	eventually(t, func() bool { _, ok, err := b.Load(t.Context(), r.ID); return !ok && err != nil })
	began := time.Now()
	if _, err := b.Save(t.Context(), r); err == nil {
		t.Error("Save: no error")
	}
	if ok, err := b.Once(t.Context(), "state", b.Now().Add(time.Hour)); ok || err == nil {
		t.Errorf("Once = %v, %v, want an error", ok, err)
	}
	if _, ok, err := b.Lease(t.Context(), r.ID, time.Minute); ok || err == nil {
		t.Errorf("Lease = %v, %v, want an error", ok, err)
	}
	if _, err := b.DeleteBy(t.Context(), session.Match{Subject: "s"}); err == nil {
		t.Error("DeleteBy: no error")
	}
	if took := time.Since(began); took > 10*4*timeout {
		t.Errorf("four errors took %v", took)
	}
	back()
	if err := b.Ready(t.Context()); err != nil {
		t.Errorf("Ready after it is back = %v", err)
	}
}

// eventually waits until what becomes true.
func eventually(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("does not become true")
		}
	}
}

// ATTACKS 48: what somebody writes under a session's key is an error or no session.
func poisoned(t *testing.T, s *testserver.Server) {
	b := open(t, single(s), nil)
	st := b.Store.(*store)
	r := b.Saved(t, b.New("x"))
	for _, text := range []string{"", "x", "9999999999999999999:1:1::::v", strings.Repeat(":", 10)} {
		s.Do("SET", st.recordKey(r.ID), text)
		if got, ok, err := b.Load(t.Context(), r.ID); ok || err == nil {
			t.Errorf("Load of %q = %v, %v, %v", text, got, ok, err)
		}
	}
	s.Do("DEL", st.recordKey(r.ID))
	s.Do("LPUSH", st.recordKey(r.ID), "list")
	if got, ok, err := b.Load(t.Context(), r.ID); ok || err == nil {
		t.Errorf("Load of a list = %v, %v, %v", got, ok, err)
	}
	if _, err := b.Save(t.Context(), r); err == nil {
		t.Error("Save over a list: no error")
	}
}

// A logout on one replica reaches the others within the cache's time, at once while they hear of it; a cache that
// hears nothing answers nothing.
func localCache(t *testing.T, s *testserver.Server) {
	options := strings.Replace(single(s), "{", `{"prefix":"local:","local_cache":1000,`, 1)
	one, two := open(t, options, nil), open(t, options, nil)
	l := two.Store.(*store).local
	hears := func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.hears }
	cached := func(id session.ID) bool { _, ok := l.records.GetIfPresent(id); return ok }
	eventually(t, hears)
	r := one.Saved(t, one.New("x"))
	load := func() bool {
		got, ok, err := two.Load(t.Context(), r.ID)
		return ok && err == nil && got.Version == r.Version
	}
	eventually(t, func() bool { return load() && cached(r.ID) }) // once it has heard of the save
	s.Do("DEL", one.Store.(*store).recordKey(r.ID))              // by nobody that publishes
	if !load() {
		t.Error("Load: not answered from memory")
	}
	eventually(t, func() bool { return !load() }) // a second later

	r = one.Saved(t, one.New("y"))
	load()
	next := r
	next.Value = "z"
	r = one.Saved(t, next)
	eventually(t, load) // the new version, as soon as it is heard of
	if err := one.Delete(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return !load() })

	r = one.Saved(t, one.New("z"))
	eventually(t, func() bool { load(); return cached(r.ID) })
	s.Freeze()
	eventually(t, func() bool { return !hears() })
	if cached(r.ID) {
		t.Error("a subscription that is down leaves records in memory")
	}
	s.Thaw()
	eventually(t, func() bool { load(); return cached(r.ID) })
}

// A failover loses nothing of which the store said that a replica has it.
func TestSentinel(t *testing.T) {
	sentinel, server, replica := testserver.RedisSentinel(t)
	options := fmt.Sprintf(`{"sentinels":[{"host":%q,"port":%d}],"name":%q,"password":%q,"sentinelPassword":%q}`,
		sentinel.Host, sentinel.Port, testserver.RedisName, server.Password, sentinel.Password)
	t.Run("contract", func(t *testing.T) { contract(t, options) })
	t.Run("the replica is away", func(t *testing.T) { unreplicated(t, options, replica) })
	t.Run("failover", func(t *testing.T) {
		b := open(t, options, nil)
		var mu sync.Mutex
		late, over := map[session.ID]bool{}, false
		b.Store.(*store).replicated = func(id session.ID, confirmed bool) {
			mu.Lock()
			defer mu.Unlock()
			if !over {
				late[id] = !confirmed
			}
		}
		end := func() {
			server.Kill()
			time.Sleep(300 * time.Millisecond) // saves under way fail; the sentinel waits longer
			mu.Lock()
			defer mu.Unlock()
			over = true
		}
		b.Lasting(t, end, func(id session.ID) bool {
			mu.Lock()
			defer mu.Unlock()
			return late[id]
		})
		n := 0
		for _, is := range late {
			if is {
				n++
			}
		}
		t.Logf("%d of %d sessions had a save that no replica confirmed", n, len(late))
		if n == len(late) {
			t.Error("no replica confirmed anything")
		}
	})
}

// A replica that is too late is logged, and holds no login up for longer than the bound.
func unreplicated(t *testing.T, options string, replica *testserver.Server) {
	var log bytes.Buffer
	b := open(t, options, slog.New(slog.NewTextHandler(&log, nil)))
	b.Saved(t, b.New("x"))
	if log.Len() > 0 {
		t.Errorf("with a replica: logged %s", log.String())
	}
	replica.Freeze()
	defer replica.Thaw()
	began := time.Now()
	r := b.Saved(t, b.New("x"))
	if took := time.Since(began); took < patience || took > 10*patience {
		t.Errorf("Save took %v, want about %v", took, patience)
	}
	if !strings.Contains(log.String(), "no replica has a change yet") || !strings.Contains(log.String(), r.ID.String()) {
		t.Errorf("logged %q", log.String())
	}
	if _, ok, err := b.Load(context.Background(), r.ID); !ok || err != nil {
		t.Errorf("Load = %v, %v", ok, err)
	}
}

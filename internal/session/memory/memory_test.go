package memory

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/internal/session/sessiontest"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func open(o Options) sessiontest.Bench {
	var passed atomic.Int64
	o.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	return sessiontest.Bench{Store: New(o), Now: o.Now, Pass: func(d time.Duration) { passed.Add(int64(d)) }}
}

func TestContract(t *testing.T) {
	sessiontest.Run(t, func(*testing.T) sessiontest.Bench { return open(Options{}) })
}

// A flood of logins must end nobody's session.
func TestFull(t *testing.T) {
	for name, o := range map[string]Options{"sessions": {Max: 3}, "bytes": {MaxBytes: 3 * (overhead + 100)}} {
		t.Run(name, func(t *testing.T) {
			b := open(o)
			var saved []session.Record
			for range 3 {
				saved = append(saved, b.Saved(t, b.New(string(make([]byte, 100)))))
			}
			if _, err := b.Save(t.Context(), b.New(string(make([]byte, 100)))); !errors.Is(err, session.ErrFull) {
				t.Fatalf("Save = %v, want %v", err, session.ErrFull)
			}
			for i, r := range saved {
				saved[i] = b.Saved(t, r) // those who are logged in stay so
			}
			if err := b.Delete(t.Context(), saved[0].ID); err != nil {
				t.Fatal(err)
			}
			b.Saved(t, b.New("x"))
		})
	}
	b := open(Options{Max: 3})
	for i := range 4 {
		if ok, err := b.Once(t.Context(), fmt.Sprint(i), b.Now().Add(time.Hour)); ok != (i < 3) || errors.Is(err, session.ErrFull) == (i < 3) {
			t.Errorf("Once %d = %v, %v", i, ok, err)
		}
	}
	b.Pass(time.Hour)
	if _, err := b.Store.(session.Sweeper).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ok, err := b.Once(t.Context(), "later", b.Now().Add(time.Hour)); !ok || err != nil {
		t.Errorf("Once after the sweep = %v, %v", ok, err)
	}
}

// What is deleted, swept or renamed leaves nothing behind.
func TestNothingStays(t *testing.T) {
	b := open(Options{})
	for i := range 10 {
		r := b.New("x")
		r.Subject, r.SID = fmt.Sprint("s", i%2), fmt.Sprint("i", i)
		r = b.Saved(t, r)
		r.SID = ""
		r = b.Saved(t, r)
		if i < 3 {
			if err := b.Delete(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := b.DeleteBy(t.Context(), session.Match{Subject: "s1"}); err != nil {
		t.Fatal(err)
	}
	b.Pass(2 * time.Hour)
	s := b.Store.(*store)
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.records)+len(s.named)+len(s.due)+len(s.claims) != 0 || s.bytes != 0 {
		t.Errorf("left: %d records, %d names, %d due, %d claims, %d bytes", len(s.records), len(s.named), len(s.due), len(s.claims), s.bytes)
	}
}

func BenchmarkLoad(b *testing.B) {
	bench := sessiontest.Bench{Store: New(Options{Now: time.Now}), Now: time.Now}
	var ids []session.ID
	for range 10000 {
		ids = append(ids, bench.Saved(b, bench.New("x")).ID)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, ok, _ := bench.Load(b.Context(), ids[i%len(ids)]); !ok {
				b.Fail()
			}
		}
	})
}

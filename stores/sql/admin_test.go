package sql

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestUnknownIDsAreErrUnknown(t *testing.T) {
	a := initialized(t, config(t, sqlite(t), ""))
	if _, err := a.Get(t.Context(), "nope"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Get = %v, want ErrUnknown", err)
	}
	if err := a.Revoke(t.Context(), "test", "nope"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Revoke = %v, want ErrUnknown", err)
	}
	if changes, err := a.Audit(t.Context(), "", 0); err != nil || len(changes) != 0 {
		t.Errorf("Audit = %v, %v: nothing changed", changes, err)
	}
}

func TestPutRefuses(t *testing.T) {
	a := initialized(t, config(t, sqlite(t), ""))
	tests := []struct{ name, who, id, sealed, want string }{
		{"no id", "me", "", "x", "id: required"},
		{"space at the end", "me", "a ", "x", "id: must not begin or end with a space"},
		{"control character", "me", "a\n", "x", "id: want text without control characters"},
		{"not UTF-8", "me", "\xff", "x", "id: want text without control characters"},
		{"long id", "me", strings.Repeat("é", 256), "x", "id: has 256 characters, want 255 at most"},
		{"no token", "me", "a", "", "config token: has 0 bytes, want 1 to 65535"},
		{"long token", "me", "a", strings.Repeat("x", 65536), "config token: has 65536 bytes, want 1 to 65535"},
		{"nobody", "", "a", "x", "who: required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := a.Put(t.Context(), tt.who, tt.id, tt.sealed); err == nil || err.Error() != tt.want {
				t.Errorf("Put = %v, want %q", err, tt.want)
			}
		})
	}
	if records, err := a.List(t.Context(), Page{}); err != nil || len(records) != 0 {
		t.Errorf("List = %v, %v, want none", records, err)
	}
}

func TestAdminSQLite(t *testing.T) { administration(t, sqlite(t)) }

// administration runs through the life of tokens; it needs an empty database.
func administration(t *testing.T, database string) {
	ctx := t.Context()
	a := newAdmin(t, config(t, database, ""))
	for i, want := range []int{1, 0} {
		if applied, err := a.Init(ctx); err != nil || len(applied) != want {
			t.Fatalf("Init %d = %v, %v, want %d migrations", i, applied, err, want)
		}
	}
	empty(t, a.db)
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(a.Put(ctx, "ann", "b", "B1"))
	do(a.Put(ctx, "ann", "a%1", "A1"))
	do(a.Put(ctx, "bob", "b", "B2"))
	do(a.Revoke(ctx, "bob", "b"))
	do(a.Revoke(ctx, "bob", "b"))
	do(a.Put(ctx, "eve", "日本", strings.Repeat("x", 65535)))

	if r, err := a.Get(ctx, "b"); err != nil || r != (Record{"b", "B2", true}) {
		t.Errorf("Get(b) = %v, %v", r, err)
	}
	list := func(p Page, want ...string) {
		t.Helper()
		records, err := a.List(ctx, p)
		var got []string
		for _, r := range records {
			got = append(got, fmt.Sprint(r.ID, " ", r.Revoked))
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("List(%+v) = %v, %v, want %v", p, got, err, want)
		}
	}
	list(Page{}, "a%1 false", "b true", "日本 false")
	list(Page{Limit: 2}, "a%1 false", "b true")
	list(Page{Limit: 2, After: "b"}, "日本 false")
	list(Page{Contains: "%"}, "a%1 false")
	list(Page{Contains: "_"})

	changes, err := a.Audit(ctx, "", 0)
	do(err)
	var got []string
	for _, c := range changes {
		if !c.At.Equal(epoch) {
			t.Errorf("%s %s at %v, want %v", c.What, c.TokenID, c.At, epoch)
		}
		got = append(got, c.Who+" "+c.What+" "+c.TokenID)
	}
	if want := "eve put 日本, bob revoke b, bob replace b, ann put a%1, ann put b"; strings.Join(got, ", ") != want {
		t.Errorf("Audit = %s, want %s", strings.Join(got, ", "), want)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte("B2"))); len(changes) != 5 || changes[1].Digest != want || changes[2].Digest != want {
		t.Errorf("Audit = %+v, want the digest %s of the revoked text", changes, want)
	}
	if changes, err := a.Audit(ctx, "b", 2); err != nil || len(changes) != 2 || changes[0].What != "revoke" {
		t.Errorf("Audit(b, 2) = %v, %v", changes, err)
	}

	s := openStore(t, config(t, database, ""))
	if _, ok, err := s.Lookup(ctx, "b"); ok || err != nil {
		t.Errorf("Lookup(b) = %v, %v: revoked", ok, err)
	}
	do(a.Put(ctx, "ann", "b", "B3"))
	if got, ok, err := s.Lookup(ctx, "b"); got != "B3" || !ok || err != nil {
		t.Errorf("Lookup(b) = %q, %v, %v: put again", got, ok, err)
	}
}

// What cannot be audited is not done.
func TestNoChangeWithoutAudit(t *testing.T) {
	a := initialized(t, config(t, sqlite(t), ""))
	if _, err := a.db.ExecContext(t.Context(), "DROP TABLE config_tokens_audit"); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(t.Context(), "me", "a", "A"); err == nil {
		t.Error("Put = nil without an audit table")
	}
	if _, err := a.Get(t.Context(), "a"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Get = %v: the token was stored", err)
	}
}

// Two CLIs and a service work on one file.
func TestSQLiteWritersWaitForEachOther(t *testing.T) {
	c := config(t, sqlite(t), "")
	initialized(t, c)
	errs := make(chan error)
	for w := range 4 {
		a := newAdmin(t, c)
		go func() {
			for i := range 10 {
				if err := a.Put(t.Context(), "me", fmt.Sprint(w, "-", i), "x"); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

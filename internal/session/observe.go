package session

import (
	"context"
	"errors"
	"time"
)

// What was asked of a store, and what it said: the labels of metrics. A call that failed has the result Failed,
// whatever it was.
const (
	Loads, Saves, Deletes, Claims = "load", "save", "delete", "claim"

	Found, Absent, Done, Conflict, Full, Failed = "found", "absent", "ok", "conflict", "full", "error"
)

// Results lists what each call can come to.
func Results() map[string][]string {
	return map[string][]string{
		Loads: {Found, Absent, Failed}, Deletes: {Done, Failed},
		Saves: {Done, Conflict, Full, Failed}, Claims: {Done, Conflict, Full, Failed},
	}
}

// Observe returns s, with each call told to tell. It hides what s can do besides.
func Observe(s Store, tell func(call, result string)) Store { return observed{s, tell} }

type observed struct {
	Store
	tell func(call, result string)
}

// of is result, or what err makes of it.
func of(err error, result string) string {
	switch {
	case err == nil:
		return result
	case errors.Is(err, ErrConflict) && result == Done:
		return Conflict
	case errors.Is(err, ErrFull) && result == Done:
		return Full
	}
	return Failed
}

func (o observed) Load(ctx context.Context, id ID) (Record, bool, error) {
	r, ok, err := o.Store.Load(ctx, id)
	result := Absent
	if ok {
		result = Found
	}
	o.tell(Loads, of(err, result))
	return r, ok, err
}

func (o observed) Save(ctx context.Context, r Record) (int64, error) {
	version, err := o.Store.Save(ctx, r)
	o.tell(Saves, of(err, Done))
	return version, err
}

func (o observed) Delete(ctx context.Context, id ID) error {
	err := o.Store.Delete(ctx, id)
	o.tell(Deletes, of(err, Done))
	return err
}

func (o observed) DeleteBy(ctx context.Context, m Match) (int, error) {
	n, err := o.Store.DeleteBy(ctx, m)
	o.tell(Deletes, of(err, Done))
	return n, err
}

func (o observed) Once(ctx context.Context, key string, until time.Time) (bool, error) {
	first, err := o.Store.Once(ctx, key, until)
	o.claimed(first, err)
	return first, err
}

func (o observed) Lease(ctx context.Context, id ID, ttl time.Duration) (func(), bool, error) {
	release, ok, err := o.Store.Lease(ctx, id, ttl)
	o.claimed(ok, err)
	return release, ok, err
}

func (o observed) claimed(ok bool, err error) {
	result := Conflict
	if ok {
		result = Done
	}
	o.tell(Claims, of(err, result))
}

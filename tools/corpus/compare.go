package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Level says how far an answer agrees with the recorded one.
type Level string

const (
	// Exact is the same status, body, cookies by name, and every recorded header.
	Exact Level = "exact"
	// Decision is the same decision: both allow (2xx) or both do not.
	Decision Level = "decision"
	// Denies is a denial of what external-auth-server allowed.
	Denies Level = "denies"
	// Allows is an allow of what external-auth-server denied: it is unsafe, unless that one is broken.
	Allows Level = "allows"
)

// A Result is what became of one case.
type Result struct {
	Case  *Case
	Level Level
	// Why says where the answer differs, "" if it is exact.
	Why string
}

func allowed(status int) bool { return status >= 200 && status <= 299 }

// judge compares got, or the error that took its place, with what was recorded.
func judge(c *Case, got Answer, err error) Result {
	r := Result{Case: c, Level: Exact}
	if c.Hang { // any answer that comes in time and does not allow is better
		switch {
		case err != nil:
			r.Level, r.Why = Decision, err.Error()
		case allowed(got.Status):
			r.Level, r.Why = Allows, fmt.Sprintf("status %d", got.Status)
		}
		return r
	}
	if err != nil {
		r.Why = err.Error()
	} else {
		r.Why = difference(&c.Expect, &got)
	}
	switch want, has := allowed(c.Expect.Status), err == nil && allowed(got.Status); {
	case want && !has:
		r.Level = Denies
	case !want && has:
		r.Level = Allows
	case r.Why != "":
		r.Level = Decision
	}
	return r
}

// difference says where got differs from want, "" if nowhere. Headers that want lacks do not count.
func difference(want, got *Answer) string {
	if want.Status != got.Status {
		return fmt.Sprintf("status %d, want %d", got.Status, want.Status)
	}
	names := make([]string, 0, len(want.Headers))
	for name := range want.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w, g := want.Headers[name], got.Headers[name]
		if name == "content-type" && want.Body == "" && want.BodyBytes == nil {
			continue
		}
		if g == nil {
			return fmt.Sprintf("no header %s (want %.60s)", name, w)
		}
		if !slices.EqualFunc(w, g, sameValue) {
			return fmt.Sprintf("header %s: %.80s, want %.80s", name, g, w)
		}
	}
	if w, g := cookieNames(want.SetCookie), cookieNames(got.SetCookie); !slices.Equal(w, g) {
		return fmt.Sprintf("cookies %v, want %v", g, w)
	}
	if want.BodyBytes != nil {
		if !bytes.Equal(want.BodyBytes, got.BodyBytes) {
			return "body differs"
		}
	} else if want.Body != "" && !sameValue(want.Body, string([]rune(string(got.BodyBytes)))) {
		return fmt.Sprintf("body %.60q, want %.60q", got.BodyBytes, want.Body)
	}
	return ""
}

func cookieNames(cookies []string) []string {
	names := make([]string, len(cookies))
	for i, c := range cookies {
		names[i], _, _ = strings.Cut(c, "=")
	}
	slices.Sort(names)
	return names
}

// sameValue compares two texts without the white space around them, or two JSON texts without the order of keys.
func sameValue(a, b string) bool {
	if strings.TrimSpace(a) == strings.TrimSpace(b) {
		return true
	}
	var va, vb any
	return json.Unmarshal([]byte(a), &va) == nil && json.Unmarshal([]byte(b), &vb) == nil && reflect.DeepEqual(va, vb)
}

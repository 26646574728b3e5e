package configtoken

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// recorded is testdata/eas.json: texts that EAS or Node made, and what EAS made of them.
type recorded struct {
	Sign, Encrypt string
	Tokens        []struct {
		Name, IV, Text string
		Opens          bool
	}
	Store []struct {
		Name   string
		Value  json.RawMessage
		Plain  bool
		Status int
	}
	Base64 []struct{ In, Want string }
}

func readJSON[T any](t testing.TB, path string) T {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// unreadable reports whether err is ErrUnreadable itself, with no reason wrapped around it.
func unreadable(err error) bool {
	return errors.Is(err, ErrUnreadable) && err.Error() == ErrUnreadable.Error()
}

const noop = `{"eas":{"plugins":[{"type":"noop"}]}}`

func easKeys(t testing.TB) *EASKeys { return must[*EASKeys](t)(NewEASKeys("foo", "bar", "")) }

func newRing(t testing.TB) *Keyring { return must[*Keyring](t)(NewKeyring()) }

func seal(t testing.TB, k *Keyring, claims string) string {
	t.Helper()
	return must[string](t)(must[Sealer](t)(k.Sealer()).Seal(json.RawMessage(claims)))
}

func urlOpen(t testing.TB, f Formats) func(string) (Token, error) {
	t.Helper()
	return must[Opener](t)(NewOpener(f)).Open
}

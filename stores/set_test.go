package stores_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/builtin"
)

func openSet(t *testing.T, text string) (*stores.Set, error) {
	t.Helper()
	return stores.Open(text, builtin.Adapters(), stores.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
		LookupEnv: func(name string) (string, bool) {
			return `{"enc": "E", "plain": {"b": 1, "a": 2}}`, name == "GOLDEN_TOKENS"
		},
	})
}

// The value that external-auth-server's recorded answers were made with: broken stores beside good ones.
func TestBrokenStoresDoNotStopTheOthers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"store.json": `{"1": "one", "num": 5}`, "store.yaml": "enc: Y\n", "bad.json": `{"a": `, "scalar.yaml": "justastring\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.ReplaceAll(`{"file":{"adapter":"file","options":{"path":"DIR/store.json"}},
		"filecache":{"adapter":"file","options":{"path":"DIR/store.json","cache_ttl":3600}},
		"yamlf":{"adapter":"file","options":{"path":"DIR/store.yaml"}},
		"badf":{"adapter":"file","options":{"path":"DIR/bad.json"}},
		"scalarf":{"adapter":"file","options":{"path":"DIR/scalar.yaml"}},
		"missingf":{"adapter":"file","options":{"path":"DIR/nope.json"}},
		"envs":{"adapter":"env","options":{"var":"GOLDEN_TOKENS"}},
		"envmissing":{"adapter":"env","options":{"var":"NOPE_TOKENS"}},
		"badadapter":{"adapter":"redis","options":{}},"noopts":{"adapter":"file"},
		"typo":{"adapter":"file","options":{"path":"x","paht":"y"}},
		"sqlite":{"adapter":"sql","options":{"query":"SELECT token as token from config_tokens WHERE id = ? AND revoked != 1",
			"config":{"client":"sqlite3","useNullAsDefault":true,"connection":{"filename":"DIR/store.db"}}}}}`, "DIR", dir)
	set, err := openSet(t, text)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()

	answers := map[string]string{
		"file 1": "one", "filecache 1": "one", "yamlf enc": "Y", "envs enc": "E", "envs plain": `{"b":1,"a":2}`, "envs nope": "",
		"file num": "!", "badf a": "!", "scalarf a": "!", "missingf a": "!", "envmissing a": "!", "badadapter a": "!", "noopts a": "!",
		"typo a": "!", "sqlite enc": "!",
	}
	for question, want := range answers {
		store, id, _ := strings.Cut(question, " ")
		s, ok := set.Store(store)
		if !ok {
			t.Errorf("Store(%s): none", store)
			continue
		}
		got, found, err := s.Lookup(t.Context(), id)
		if err != nil {
			got = "!"
		}
		if got != want || found != (want != "" && want != "!") {
			t.Errorf("%s: Lookup(%s) = %q, %v, %v, want %q", store, id, got, found, err, want)
		}
	}
	if _, ok := set.Store("nope"); ok {
		t.Error("Store(nope): want none")
	}

	var got []string
	for _, err := range set.Check() {
		got = append(got, strings.ReplaceAll(err.Error(), dir+"/", ""))
	}
	want := []string{
		`store "badadapter": adapter: unknown adapter "redis"`,
		`store "badf": bad.json: 1:6: unexpected end of JSON input`,
		`store "envmissing": options.var: NOPE_TOKENS is not set`,
		`store "file": "num": want the text of a sealed config token, or a plain one as an object`,
		`store "filecache": "num": want the text of a sealed config token, or a plain one as an object`,
		`store "missingf": nope.json: no such file or directory`,
		`store "noopts": options: required`,
		`store "scalarf": scalar.yaml: want an object of ids and config tokens`,
		`store "typo": options.paht: unknown option`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("Check =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	ready := fmt.Sprint(set.Ready(t.Context()))
	for _, id := range []string{"badadapter", "badf", "envmissing", "missingf", "noopts", "scalarf", "typo", "sqlite"} {
		if !strings.Contains(ready, fmt.Sprintf("store %q: ", id)) {
			t.Errorf("Ready does not name %s:\n%s", id, ready)
		}
	}
	if n := strings.Count(ready, "\n") + 1; n != 8 {
		t.Errorf("Ready names %d stores, want 8:\n%s", n, ready)
	}
}

func TestOpenReadsYAML(t *testing.T) {
	set, err := openSet(t, "e:\n  adapter: env\n  options:\n    var: GOLDEN_TOKENS\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := set.IDs(); !slices.Equal(got, []string{"e"}) || set.Ready(t.Context()) != nil || set.Check() != nil {
		t.Errorf("IDs = %v, Ready = %v, Check = %v", got, set.Ready(t.Context()), set.Check())
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", " \n", ""},
		{"no stores", "{}", ""},
		{"null", "null", ""},
		{"text", "primary", "config token stores: want an object, got string"},
		{"a list", `[{"adapter":"file"}]`, "config token stores: want an object, got array"},
		{"half", `{"a": {"pw": "s3cret`, "config token stores: 1:20: unexpected end of JSON input"},
		{"a store twice", "a: {pw: s3cret}\na: {}\n", `config token stores: 2:1: mapping key "a" already defined`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := openSet(t, tt.in)
			if tt.want == "" {
				if err != nil || len(set.IDs()) != 0 || set.Ready(t.Context()) != nil {
					t.Errorf("Open(%s) = %v, %v, want no stores", tt.in, set, err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Open(%s) = %v, want %q", tt.in, err, tt.want)
			}
		})
	}
}

func TestSecondsAreNumbers(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"3600", time.Hour, true}, {"0.5", 500 * time.Millisecond, true}, {`"60"`, time.Minute, true}, {"0", 0, true}, {"null", 0, true},
		{"-1", 0, false}, {"1e400", 0, false}, {`"NaN"`, 0, false}, {`"1h"`, 0, false}, {"true", 0, false},
	}
	for _, tt := range tests {
		var s stores.Seconds
		if err := json.Unmarshal([]byte(tt.in), &s); time.Duration(s) != tt.want || (err == nil) != tt.ok {
			t.Errorf("Seconds(%s) = %v, %v, want %v", tt.in, time.Duration(s), err, tt.want)
		}
	}
}

// What is started is stopped, whatever the others say.
func TestCloseClosesAll(t *testing.T) {
	closed := 0
	adapters := stores.Registry{"x": stores.Of(func(struct{}, stores.Env) (stores.Store, error) { return closing{&closed}, nil })}
	set, err := stores.Open(`{"a":{"adapter":"x","options":{}},"b":{"adapter":"x","options":{}}}`, adapters, stores.Env{Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); closed != 2 || fmt.Sprint(err) != "store \"a\": sorry\nstore \"b\": sorry" {
		t.Errorf("Close = %v, closed %d, want 2", err, closed)
	}
}

type closing struct{ n *int }

func (c closing) Lookup(context.Context, string) (string, bool, error) { return "", false, nil }
func (c closing) Ready(context.Context) error                          { return nil }
func (c closing) Close() error                                         { *c.n++; return errors.New("sorry") }

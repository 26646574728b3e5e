package file_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/file"
	"github.com/easgate/easgate/stores/storetest"
)

func open(t *testing.T, path string, log *slog.Logger) stores.Store {
	t.Helper()
	s, err := file.New(file.Config{Path: path}, stores.Env{Log: log, Now: time.Now, LookupEnv: os.LookupEnv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestJSON(t *testing.T) {
	storetest.Run(t, func(t *testing.T, tokens map[string]string) stores.Store {
		text, err := json.Marshal(tokens)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "tokens.json")
		write(t, path, string(text))
		return open(t, path, slog.New(slog.DiscardHandler))
	})
}

func TestYAML(t *testing.T) {
	storetest.Run(t, func(t *testing.T, tokens map[string]string) stores.Store {
		text, err := yaml.Marshal(tokens)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "tokens.yaml")
		write(t, path, string(text))
		return open(t, path, slog.New(slog.DiscardHandler))
	})
}

// logged collects what a store logs.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// eventually waits for what follows a change of the file.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for tick, end := time.NewTicker(5*time.Millisecond), time.After(10*time.Second); !is(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("never: " + what)
		}
	}
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	var log logged
	s := open(t, path, slog.New(slog.NewTextHandler(&log, nil)))
	has := func(id, want string) func() bool {
		return func() bool {
			got, ok, err := s.Lookup(t.Context(), id)
			return err == nil && ok == (want != "") && got == want
		}
	}
	fails := func() bool {
		_, _, err := s.Lookup(t.Context(), "a")
		return err != nil && s.Ready(t.Context()) != nil
	}
	if !fails() {
		t.Fatal("a file that does not exist must deny")
	}

	write(t, path, `{"a": "1"}`)
	eventually(t, "a file that appears is read", has("a", "1"))

	write(t, path, `{"a": "2"`)
	eventually(t, "a half-written file is logged", func() bool { return log.count("unexpected end of JSON input") > 0 })
	if !has("a", "1")() || s.Ready(t.Context()) != nil {
		t.Error("a half-written file broke lookups that worked")
	}
	if err := s.(interface{ Loaded() error }).Loaded(); err == nil {
		t.Error("Loaded = nil for a half-written file")
	}
	write(t, path, `{"a": "3"`)
	write(t, path, `{"b": "2"}`)
	eventually(t, "a whole file is taken", has("b", "2"))
	if !has("a", "")() {
		t.Error("a token that was taken out is still there")
	}
	if n := log.count("unexpected end of JSON input"); n != 1 {
		t.Errorf("logged the broken file %d times, want once", n)
	}

	next := path + ".new"
	write(t, next, `{"c": "3"}`)
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a file that replaces it is read", has("c", "3"))

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a file that is removed denies", fails)
	write(t, path, `{"c": "4"}`)
	eventually(t, "it comes back", has("c", "4"))
}

func TestNewRefuses(t *testing.T) {
	tests := []struct{ name, path, want string }{
		{"no path", "", "path: required"},
		{"no such folder", filepath.Join(t.TempDir(), "nope", "x.json"), "path: watch: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := file.New(file.Config{Path: tt.path}, stores.Env{Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

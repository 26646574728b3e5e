package env_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/env"
	"github.com/easgate/easgate/stores/storetest"
)

func with(value string, ok bool) stores.Env {
	return stores.Env{
		Log:       slog.New(slog.DiscardHandler),
		LookupEnv: func(name string) (string, bool) { return value, ok && name == "TOKENS" },
	}
}

func TestEnv(t *testing.T) {
	storetest.Run(t, func(t *testing.T, tokens map[string]string) stores.Store {
		text, err := json.Marshal(tokens)
		if err != nil {
			t.Fatal(err)
		}
		s, err := env.New(env.Config{Var: "TOKENS"}, with(string(text), true))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestNewRefuses(t *testing.T) {
	tests := []struct{ name, variable, value, want string }{
		{"no name", "", `{}`, "var: required"},
		{"not set", "OTHER", `{}`, "var: OTHER is not set"},
		{"broken", "TOKENS", `{"a": "s3cret`, "var: TOKENS: 1:13: unexpected end of JSON input"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := env.New(env.Config{Var: tt.variable}, with(tt.value, true))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestTextIsNeverPrinted(t *testing.T) {
	type config struct{ Password Text }
	var c config
	if err := json.Unmarshal([]byte(`{"Password":"hunter2"}`), &c); err != nil || c.Password != "hunter2" {
		t.Fatalf("Unmarshal = %q, %v, want hunter2", string(c.Password), err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "secret", c.Password)
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		fmt.Sprintf("%v %+v %#v %d %s %q %x", c, c, c, c, c.Password, c.Password, c.Password), fmt.Sprint(&c), log.String(), string(b),
	} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("printed %s", out)
		}
		if !strings.Contains(out, "redacted") {
			t.Errorf("printed %s, want a mark where the secret is", out)
		}
	}
}

package config

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/easgate/easgate/internal/redact"
)

// An Entry is one setting as it is in force.
type Entry struct {
	Name string `json:"name"`
	// Value is redacted where it is secret.
	Value string `json:"value"`
	// Origin is where it was read, "" for the default.
	Origin string `json:"origin,omitempty"`
}

// Entries lists every setting in the table's order.
func (c *Config) Entries() []Entry {
	var out []Entry
	for _, s := range settings(c) {
		text := s.value.show()
		if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") && json.Valid([]byte(text)) {
			text = string(redact.JSON(json.RawMessage(text)))
		}
		out = append(out, Entry{s.name, text, c.origin[s.name]})
	}
	return out
}

// WriteYAML writes c as a configuration file, secrets redacted, with a comment on where each value came from.
// Settings at their default are commented out.
func (c *Config) WriteYAML(w io.Writer) error {
	table, group := settings(c), ""
	for i, e := range c.Entries() {
		if g := table[i].group; g != group {
			group = g
			if _, err := fmt.Fprintf(w, "# %s\n", g); err != nil {
				return err
			}
		}
		mark, from := "", "  # "+e.Origin
		if e.Origin == "" {
			mark, from = "#", ""
		}
		if _, err := fmt.Fprintf(w, "%s%s: %s%s\n", mark, e.Name, scalarYAML(e.Value), from); err != nil {
			return err
		}
	}
	return nil
}

// scalarYAML writes text so that YAML reads it back; JSON is YAML already.
func scalarYAML(s string) string {
	if json.Valid([]byte(s)) {
		return s
	}
	if s == "" || s[0] == '0' || // 0660 would be a number
		strings.ContainsAny(s, ":#{}[]&*!|>'\"%@`,\n") {
		return strconv.Quote(s)
	}
	return s
}

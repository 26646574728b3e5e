// Package secret is text that never prints.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted stands where a secret would.
const Redacted = "[redacted]"

// Text is text of a configuration that is never printed: fmt, log/slog and encoding/json all write "[redacted]".
// Convert it with string() to use it. It decodes from JSON as a string does.
type Text string

// String returns "[redacted]", or "" for an empty secret, so that a missing one can be told.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return Redacted
}

// Format keeps fmt from printing the text, whatever the verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue keeps slog from logging the text.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps encoders from writing the text.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

package plugins

import "log/slog"

const redacted = "[redacted]"

// A Secret is text of a configuration that is never printed: fmt, log/slog and encoding/json all write "[redacted]".
// Convert it with string() to use it. It decodes from JSON as a string does.
type Secret string

// String returns "[redacted]", or "" for an empty secret, so that a missing one can be told.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString keeps %#v from printing the text.
func (s Secret) GoString() string { return `plugins.Secret("` + s.String() + `")` }

// LogValue keeps slog from logging the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps encoders from writing the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

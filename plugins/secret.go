package plugins

import "github.com/easgate/easgate/internal/secret"

// A Secret is text of a configuration that is never printed: fmt, log/slog and encoding/json all write "[redacted]".
// Convert it with string() to use it. It decodes from JSON as a string does.
type Secret = secret.Text

// Package noop answers every request alike. It allows by default, for routes that only need custom headers, and can
// answer with any status, for routes that are closed.
package noop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/easgate/easgate/plugins"
)

// Config is the configuration of the noop plugin.
type Config struct {
	// StatusCode is the HTTP status of every answer, 200 to 599 as a number or its text: 2xx allows, any other denies.
	// Default 200, which "", null, false and 0 stand for too.
	StatusCode Status `json:"status_code,omitempty"`
}

// Status is a status in JSON, which is read when the plugin is built.
type Status json.RawMessage

// UnmarshalJSON keeps raw.
func (s *Status) UnmarshalJSON(raw []byte) error {
	*s = bytes.Clone(raw)
	return nil
}

// Schema implements strictjson.Describer.
func (Status) Schema() string {
	return `{"anyOf": [{"type": "integer", "minimum": 200, "maximum": 599},
		{"type": "string", "pattern": "^([2-5][0-9][0-9])?$"}, {"enum": [false, null, 0]}]}`
}

// Lint implements [plugins.Linter].
func (c *Config) Lint(conditional bool, say func(text string)) {
	if status, err := parseStatus(c.StatusCode); err == nil && !conditional && status >= 200 && status <= 299 {
		say("lets everybody in who comes this far")
	}
}

// Plugin answers with one status.
type Plugin struct {
	result plugins.Result
}

// New builds the plugin. Tokens in EAS's format may name any status: 101 and 600 to 999 are sent as they are,
// and one that HTTP cannot carry is answered 503.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	status, err := parseStatus(c.StatusCode)
	if err == nil && (status < 200 || status > 599) {
		err = fmt.Errorf("%d: want 200 to 599", status)
	}
	if err != nil {
		env.Problem(fmt.Errorf("status_code: %w", err))
	}
	switch {
	case status >= 200 && status <= 299:
		return &Plugin{plugins.Result{Verdict: plugins.Allow, Status: status}}, nil
	case status == http.StatusSwitchingProtocols || (status >= 300 && status <= 999):
		return &Plugin{plugins.Result{Status: status, Reason: "status_code denies"}}, nil
	}
	return &Plugin{plugins.Result{Status: http.StatusServiceUnavailable, Reason: "status_code cannot be sent"}}, nil
}

// Verify returns the configured answer. It never fails.
func (p *Plugin) Verify(context.Context, *plugins.Request) (plugins.Result, error) {
	return p.result, nil
}

var errNoStatus = errors.New("want a number from 200 to 599")

// parseStatus reads a status as JavaScript would convert it to an integer: fractions are cut off.
func parseStatus(raw Status) (int, error) {
	var v any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			return 0, err
		}
	}
	var f float64
	switch v := v.(type) {
	case nil:
	case bool:
		if v {
			return 0, errNoStatus
		}
	case float64:
		f = v
	case string:
		if v != "" {
			var err error
			if f, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
				return 0, errNoStatus
			}
		}
	default:
		return 0, errNoStatus
	}
	switch {
	case v == nil, v == false, v == "", v == 0.0:
		return http.StatusOK, nil
	case math.IsNaN(f), math.Abs(f) > math.MaxInt16:
		return 0, errNoStatus
	}
	return int(f), nil
}

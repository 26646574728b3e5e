package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/plugins"
)

// A value is a setting's place in a Config.
type value interface {
	// set takes the text of an environment variable, a flag or a scalar in the file.
	set(text string) error
	// show is the value as a person writes it in the file, "" when it is empty. It may hold a secret.
	show() string
	// kind says in a few words what set takes.
	kind() string
}

// A structured value takes more than scalars from the file.
type structured interface {
	setJSON(raw json.RawMessage) error
}

// fromFile sets v from the JSON of the file's member.
func fromFile(v value, raw json.RawMessage) error {
	if s, ok := v.(structured); ok {
		return s.setJSON(raw)
	}
	text, err := scalar(raw)
	if err != nil {
		return fmt.Errorf("want %s, got %w", v.kind(), err)
	}
	return v.set(text)
}

// scalar returns a text, number or boolean as text; null is "".
func scalar(raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '{':
		return "", errors.New("a mapping")
	case '[':
		return "", errors.New("a list")
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case 'n':
		return "", nil
	}
	return string(raw), nil
}

type textValue struct {
	p *string
	k string
}

func (v textValue) set(s string) error { *v.p = s; return nil }
func (v textValue) show() string       { return *v.p }
func (v textValue) kind() string       { return v.k }

type secretValue struct{ p *plugins.Secret }

func (v secretValue) set(s string) error { *v.p = plugins.Secret(s); return nil }
func (v secretValue) show() string       { return v.p.String() }
func (v secretValue) kind() string       { return "text" }

func (v secretValue) setJSON(raw json.RawMessage) error {
	text, err := scalar(raw)
	if err != nil {
		text = string(raw) // a key set may be written as YAML
	}
	return v.set(text)
}

type portValue struct{ p *int }

func (v portValue) set(s string) error {
	n, err := strconv.Atoi(s)
	if err == nil && 0 <= n && n <= 65535 {
		*v.p = n
		return nil
	}
	err = fmt.Errorf("want %s, got %q", v.kind(), s)
	if strings.HasPrefix(s, "tcp://") {
		return problem.Hint(err, "Kubernetes sets this variable for a Service named eas; set enableServiceLinks: false in the pod, or name the port with --port")
	}
	return err
}

func (v portValue) show() string {
	if *v.p == 0 {
		return ""
	}
	return strconv.Itoa(*v.p)
}
func (v portValue) kind() string { return "a port, 0 to 65535" }

// modeValue is the permission of a file, in octal.
type modeValue struct{ p *fs.FileMode }

func (v modeValue) set(s string) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("want %s, got %q", v.kind(), s)
	}
	*v.p = fs.FileMode(n)
	return nil
}

// setJSON takes text alone: YAML reads 0660 as a number, and 660 as another one.
func (v modeValue) setJSON(raw json.RawMessage) error {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return fmt.Errorf("want %s in quotes, got %s", v.kind(), raw)
	}
	return v.set(s)
}
func (v modeValue) show() string { return fmt.Sprintf("0%o", uint32(*v.p)) }
func (v modeValue) kind() string { return "an octal mode such as 0660" }

type boolValue struct{ p *bool }

func (v boolValue) set(s string) error {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "on":
		*v.p = true
	case "0", "false", "no", "off", "":
		*v.p = false
	default:
		return fmt.Errorf("want %s, got %q", v.kind(), s)
	}
	return nil
}
func (v boolValue) show() string { return strconv.FormatBool(*v.p) }
func (v boolValue) kind() string { return "true or false" }

type enumValue struct {
	p  *string
	of []string
}

func (v enumValue) set(s string) error {
	if !slices.Contains(v.of, s) {
		return fmt.Errorf("want %s, got %q", v.kind(), s)
	}
	*v.p = s
	return nil
}
func (v enumValue) show() string { return *v.p }
func (v enumValue) kind() string { return "one of " + strings.Join(v.of, ", ") }

type listValue struct {
	p  *[]string
	of []string
}

func (v listValue) set(s string) error {
	list := fields(s)
	for _, e := range list {
		if !slices.Contains(v.of, e) {
			return fmt.Errorf("want %s, got %q", v.kind(), e)
		}
	}
	*v.p = list
	return nil
}
func (v listValue) setJSON(raw json.RawMessage) error { return setList(v, raw) }
func (v listValue) show() string                      { return strings.Join(*v.p, ",") }
func (v listValue) kind() string                      { return "a list of " + strings.Join(v.of, ", ") }

// originsValue is a list of origins (RFC 6454 §6.2).
type originsValue struct{ p *[]string }

func (v originsValue) set(s string) error {
	list := fields(s)
	for _, e := range list {
		u, err := url.Parse(e)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.TrimSuffix(e, "/") != u.Scheme+"://"+u.Host {
			return fmt.Errorf("want %s, got %q", v.kind(), e)
		}
	}
	*v.p = list
	return nil
}
func (v originsValue) setJSON(raw json.RawMessage) error { return setList(v, raw) }
func (v originsValue) show() string                      { return strings.Join(*v.p, ",") }
func (v originsValue) kind() string                      { return "a list of origins such as https://idp.example.com" }

// megabytesValue is an amount of memory, held in bytes and written in MB.
type megabytesValue struct{ p *int }

func (v megabytesValue) set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1024 {
		return fmt.Errorf("want %s, got %q", v.kind(), s)
	}
	*v.p = n << 20
	return nil
}
func (v megabytesValue) show() string { return strconv.Itoa(*v.p >> 20) }
func (v megabytesValue) kind() string { return "a number of MB, 1 to 1024" }

type proxiesValue struct{ p *parent.Trusted }

func (v proxiesValue) set(s string) error {
	t, err := parent.ParseTrusted(s)
	if err == nil {
		*v.p = t
	}
	return err
}
func (v proxiesValue) setJSON(raw json.RawMessage) error { return setList(v, raw) }

func (v proxiesValue) show() string {
	if slices.Equal(*v.p, parent.DefaultTrusted()) {
		return "loopback,private"
	}
	var s []string
	for _, p := range *v.p {
		s = append(s, p.String())
	}
	return strings.Join(s, ",")
}
func (v proxiesValue) kind() string {
	return "a list of networks, addresses, loopback, private"
}

type profileValue struct{ p *parent.Profile }

func (v profileValue) set(s string) error {
	p, ok := parent.ParseProfile(s)
	if !ok {
		return fmt.Errorf("want %s, got %q", v.kind(), s)
	}
	*v.p = p
	return nil
}
func (v profileValue) show() string { return v.p.String() }

func (v profileValue) kind() string {
	var names []string
	for p := parent.Auto; p <= parent.EAS; p++ {
		names = append(names, p.String())
	}
	return "one of " + strings.Join(names, ", ")
}

// setList gives v a list from the file as the text that its environment variable would hold.
func setList(v value, raw json.RawMessage) error {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		text, err := scalar(raw)
		if err != nil {
			return fmt.Errorf("want %s, got %w", v.kind(), err)
		}
		return v.set(text)
	}
	var texts []string
	for _, it := range items {
		text, err := scalar(it)
		if err != nil {
			return fmt.Errorf("want %s, got %w in it", v.kind(), err)
		}
		texts = append(texts, text)
	}
	return v.set(strings.Join(texts, ","))
}

func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

type levelValue struct{ p *slog.Level }

// EAS's logger knows more levels than slog.
var levels = map[string]slog.Level{
	"error": slog.LevelError, "warn": slog.LevelWarn, "info": slog.LevelInfo, "http": slog.LevelInfo,
	"verbose": slog.LevelDebug, "debug": slog.LevelDebug, "silly": slog.LevelDebug,
}

func (v levelValue) set(s string) error {
	l, ok := levels[strings.ToLower(s)]
	if !ok {
		return fmt.Errorf("want %s, got %q", v.kind(), s)
	}
	*v.p = l
	return nil
}
func (v levelValue) show() string { return strings.ToLower(v.p.String()) }
func (v levelValue) kind() string { return "one of error, warn, info, http, verbose, debug, silly" }

type durationValue struct{ p *time.Duration }

func (v durationValue) set(s string) error {
	d, err := time.ParseDuration(s)
	if n, numErr := strconv.Atoi(s); numErr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d <= 0 || d > 24*time.Hour {
		return fmt.Errorf("want %s, got %q", v.kind(), s)
	}
	*v.p = d
	return nil
}
func (v durationValue) show() string { return v.p.String() }
func (v durationValue) kind() string { return "a time such as 10s or 2m, or seconds" }

// A documentValue holds YAML or JSON as JSON.
type documentValue struct {
	p    *json.RawMessage
	list bool
}

func (v documentValue) set(s string) error {
	if strings.TrimSpace(s) == "" {
		*v.p = nil
		return nil
	}
	raw, err := document.Convert([]byte(s))
	if err != nil {
		return fmt.Errorf("want %s: %w", v.kind(), err)
	}
	return v.setJSON(raw)
}

func (v documentValue) setJSON(raw json.RawMessage) error {
	open := byte('{')
	if v.list {
		open = '['
	}
	switch raw[0] {
	case 'n':
		*v.p = nil
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		if isQuoted, err := document.Convert([]byte(s)); err == nil && isQuoted[0] == '"' {
			return fmt.Errorf("want %s, got a text", v.kind())
		}
		return v.set(s)
	case open:
		*v.p = raw
	default:
		return fmt.Errorf("want %s", v.kind())
	}
	return nil
}

func (v documentValue) show() string { return string(*v.p) }
func (v documentValue) kind() string {
	if v.list {
		return "a list in YAML or JSON"
	}
	return "a mapping in YAML or JSON"
}

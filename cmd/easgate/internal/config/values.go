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
type value struct {
	// kind says in a few words what set takes, and word stands for it in help texts.
	kind, word string
	// few marks a kind that names all that there is.
	few    bool
	secret bool
	// path is a file's name, nil for other values.
	path *string
	// set takes the text of an environment variable, a flag or a scalar in the file.
	set func(text string) error
	// setJSON takes what stands in the file; nil: a scalar, for set.
	setJSON func(raw json.RawMessage) error
	// show is the value as a person writes it in the file, "" when it is empty. It holds no secret.
	show func() string
}

// fromFile sets v from the JSON of the file's member.
func (v value) fromFile(raw json.RawMessage) error {
	if v.setJSON != nil {
		return v.setJSON(raw)
	}
	text, err := scalar(raw)
	if err != nil {
		return fmt.Errorf("want %s, got %w", v.kind, err)
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

// of makes the value at p. parse returns false for what it does not take.
func of[T any](p *T, kind, word string, parse func(string) (T, bool), show func(T) string) value {
	return value{kind: kind, word: word, show: func() string { return show(*p) }, set: func(s string) error {
		t, ok := parse(s)
		if !ok {
			return fmt.Errorf("want %s, got %q", kind, s)
		}
		*p = t
		return nil
	}}
}

func anyText(s string) (string, bool) { return s, true }
func itself(s string) string          { return s }

func text(p *string, kind string) value { return of(p, kind, "text", anyText, itself) }

func file(p *string) value {
	v := of(p, "a file", "file", anyText, itself)
	v.path = p
	return v
}

func secret(p *plugins.Secret) value {
	parse := func(s string) (plugins.Secret, bool) { return plugins.Secret(s), true }
	v := of(p, "text", "text", parse, plugins.Secret.String)
	v.secret = true
	v.setJSON = func(raw json.RawMessage) error {
		text, err := scalar(raw)
		if err != nil {
			text = string(raw) // a key set may be written as YAML
		}
		return v.set(text)
	}
	return v
}

func port(p *int) value {
	v := of(p, "a port, 0 to 65535", "port", func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && 0 <= n && n <= 65535
	}, func(n int) string { return strings.TrimPrefix(strconv.Itoa(n), "0") })
	set := v.set
	v.set = func(s string) error {
		err := set(s)
		if err != nil && strings.HasPrefix(s, "tcp://") {
			return problem.Hint(err, "Kubernetes sets this variable for a Service named eas; "+
				"set enableServiceLinks: false in the pod, or name the port with --port")
		}
		return err
	}
	return v
}

// mode is the permission of a file, in octal.
func mode(p *fs.FileMode) value {
	v := of(p, "an octal mode such as 0660", "text", func(s string) (fs.FileMode, bool) {
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
		return fs.FileMode(n), err == nil && n <= 0o777
	}, func(m fs.FileMode) string { return fmt.Sprintf("0%o", uint32(m)) })
	// Text alone: YAML reads 0660 as a number, and 660 as another one.
	v.setJSON = func(raw json.RawMessage) error {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return fmt.Errorf("want %s in quotes, got %s", v.kind, raw)
		}
		return v.set(s)
	}
	return v
}

func boolean(p *bool) value {
	return of(p, "true or false", "bool", func(s string) (is, ok bool) {
		switch strings.ToLower(s) {
		case "1", "true", "yes", "on":
			return true, true
		case "0", "false", "no", "off", "":
			return false, true
		}
		return false, false
	}, strconv.FormatBool)
}

func enum(p *string, words ...string) value {
	parse := func(s string) (string, bool) { return s, slices.Contains(words, s) }
	v := of(p, "one of "+strings.Join(words, ", "), "text", parse, itself)
	v.few = true
	return v
}

// listOf makes a value of texts that check takes, between commas or white space.
func listOf(p *[]string, kind string, check func(string) bool) value {
	v := value{kind: kind, word: "list", show: func() string { return strings.Join(*p, ",") }}
	v.set = func(s string) error {
		list := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
		for _, e := range list {
			if !check(e) {
				return fmt.Errorf("want %s, got %q", kind, e)
			}
		}
		*p = list
		return nil
	}
	return v.asList()
}

// asList lets v be a list in the file: it takes the text that its environment variable would hold.
func (v value) asList() value {
	v.setJSON = func(raw json.RawMessage) error {
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			items = []json.RawMessage{raw}
		}
		texts := make([]string, len(items))
		for i, it := range items {
			var err error
			if texts[i], err = scalar(it); err != nil {
				return fmt.Errorf("want %s, got %w in it", v.kind, err)
			}
		}
		return v.set(strings.Join(texts, ","))
	}
	return v
}

func list(p *[]string, of ...string) value {
	v := listOf(p, "a list of "+strings.Join(of, ", "), func(e string) bool { return slices.Contains(of, e) })
	v.few = true
	return v
}

// origins is a list of origins (RFC 6454 §6.2).
func origins(p *[]string) value {
	v := listOf(p, "a list of origins such as https://idp.example.com", func(e string) bool {
		u, err := url.Parse(e)
		return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
			strings.TrimSuffix(e, "/") == u.Scheme+"://"+u.Host
	})
	v.word = "text"
	return v
}

// megabytes is an amount of memory, held in bytes and written in MB.
func megabytes(p *int) value {
	return of(p, "a number of MB, 1 to 1024", "text", func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n << 20, err == nil && 1 <= n && n <= 1024
	}, func(n int) string { return strconv.Itoa(n >> 20) })
}

func proxies(p *parent.Trusted) value {
	v := value{kind: "a list of networks, addresses, loopback, private", word: "list"}
	v.show = func() string {
		if slices.Equal(*p, parent.DefaultTrusted()) {
			return "loopback,private"
		}
		var s []string
		for _, n := range *p {
			s = append(s, n.String())
		}
		return strings.Join(s, ",")
	}
	v.set = func(s string) error {
		t, err := parent.ParseTrusted(s)
		if err == nil {
			*p = t
		}
		return err
	}
	return v.asList()
}

func profile(p *parent.Profile) value {
	var names []string
	for p := parent.Auto; p <= parent.EAS; p++ {
		names = append(names, p.String())
	}
	v := of(p, "one of "+strings.Join(names, ", "), "text", parent.ParseProfile, parent.Profile.String)
	v.few = true
	return v
}

// EAS's logger knows more levels than slog.
var levels = map[string]slog.Level{
	"error": slog.LevelError, "warn": slog.LevelWarn, "info": slog.LevelInfo, "http": slog.LevelInfo,
	"verbose": slog.LevelDebug, "debug": slog.LevelDebug, "silly": slog.LevelDebug,
}

func level(p *slog.Level) value {
	v := of(p, "one of error, warn, info, http, verbose, debug, silly", "text", func(s string) (slog.Level, bool) {
		l, ok := levels[strings.ToLower(s)]
		return l, ok
	}, func(l slog.Level) string { return strings.ToLower(l.String()) })
	v.few = true
	return v
}

func duration(p *time.Duration) value {
	return of(p, "a time such as 10s or 2m, or seconds", "time", func(s string) (time.Duration, bool) {
		d, err := time.ParseDuration(s)
		if n, numErr := strconv.Atoi(s); numErr == nil {
			d, err = time.Duration(n)*time.Second, nil
		}
		return d, err == nil && 0 < d && d <= 24*time.Hour
	}, time.Duration.String)
}

// structured holds YAML or JSON as JSON: a list or else a mapping.
func structured(p *json.RawMessage, list bool) value {
	v := value{kind: "a mapping in YAML or JSON", word: "yaml", show: func() string { return string(*p) }}
	open := byte('{')
	if list {
		v.kind, open = "a list in YAML or JSON", '['
	}
	v.set = func(s string) error {
		if strings.TrimSpace(s) == "" {
			*p = nil
			return nil
		}
		raw, err := document.Convert([]byte(s))
		if err != nil {
			return fmt.Errorf("want %s: %w", v.kind, err)
		}
		if raw[0] == '"' {
			return fmt.Errorf("want %s, got a text", v.kind)
		}
		return v.setJSON(raw)
	}
	v.setJSON = func(raw json.RawMessage) error {
		switch raw[0] {
		case 'n':
			*p = nil
		case '"': // a document in a text
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				return err
			}
			return v.set(s)
		case open:
			*p = raw
		default:
			return fmt.Errorf("want %s", v.kind)
		}
		return nil
	}
	return v
}

// Package yamljson turns configuration that people write as YAML or as JSON into JSON, so that everything behind it
// knows one language.
package yamljson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/goccy/go-yaml"
)

// Convert returns text as JSON. Text that is JSON comes back as it is, to the byte. YAML keeps the order of its keys;
// anchors, aliases and merge keys (<<) are resolved, a key that is no text becomes one.
//
// Errors name a line and never quote the text, which may hold secrets. Text that begins like a JSON object and is
// neither is reported as broken JSON.
func Convert(text []byte) (json.RawMessage, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var raw json.RawMessage
	jsonErr := json.Unmarshal(text, &raw)
	if jsonErr == nil {
		return text, nil
	}
	v, err := decode(text)
	if err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			return nil, brokenJSON(text, jsonErr)
		}
		return nil, err
	}
	return appendValue(nil, v)
}

func brokenJSON(text []byte, err error) error {
	var se *json.SyntaxError
	if errors.As(err, &se) {
		line := 1 + bytes.Count(text[:min(int(se.Offset), len(text))], []byte("\n"))
		return fmt.Errorf("JSON: line %d: %w", line, err)
	}
	return fmt.Errorf("JSON: %w", err)
}

func decode(text []byte) (any, error) {
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.UseOrderedMap())
	var v, more any
	if err := d.Decode(&v); err != nil && err != io.EOF {
		return nil, brokenYAML(err)
	}
	switch err := d.Decode(&more); {
	case err == nil:
		return nil, errors.New("YAML: more than one document")
	case err != io.EOF:
		return nil, brokenYAML(err)
	}
	return v, nil
}

// brokenYAML keeps the place and the parser's message of err, which would print the lines around it.
func brokenYAML(err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return errors.New("YAML: not readable")
	}
	if tok := ye.GetToken(); tok != nil && tok.Position != nil {
		return fmt.Errorf("YAML: line %d: %s", tok.Position.Line, ye.GetMessage())
	}
	return fmt.Errorf("YAML: %s", ye.GetMessage())
}

func appendValue(out []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case yaml.MapSlice:
		out = append(out, '{')
		for i, item := range lastWins(v) {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendText(out, item.Key.(string)); err != nil {
				return nil, err
			}
			out = append(out, ':')
			if out, err = appendValue(out, item.Value); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	case []any:
		out = append(out, '[')
		for i, e := range v {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendValue(out, e); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case []byte: // !!binary
		return appendText(out, string(v))
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return append(out, "null"...), nil // as JSON.stringify does
		}
	}
	return appendText(out, v)
}

// appendText appends a scalar without the escapes that are meant for HTML.
func appendText(out []byte, v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("YAML: %T has no JSON form", v)
	}
	return append(out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), nil
}

// lastWins makes every key text and drops what a merge key brought in and the mapping itself says again.
func lastWins(m yaml.MapSlice) yaml.MapSlice {
	at := make(map[string]int, len(m))
	out := make(yaml.MapSlice, 0, len(m))
	for _, item := range m {
		key := fmt.Sprint(item.Key)
		if item.Key == nil {
			key = "null"
		}
		item.Key = key
		if i, ok := at[key]; ok {
			out[i] = item
			continue
		}
		at[key] = len(out)
		out = append(out, item)
	}
	return out
}

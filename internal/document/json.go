package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// errMeaning marks faults of text that is JSON all the same.
var errMeaning = errors.New("valid JSON")

type meaningError struct{ error }

func (meaningError) Is(target error) bool { return target == errMeaning }

func convertJSON(text []byte) (json.RawMessage, error) {
	var raw json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, brokenJSON(text, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := repeatedKeys(d, 0); err != nil {
		return nil, &Error{position(text, d.InputOffset()), meaningError{err}}
	}
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		return nil, &Error{Position{1, 1}, err}
	}
	return out.Bytes(), nil
}

// brokenJSON says where text is no JSON.
func brokenJSON(text []byte, err error) error {
	offset := int64(len(text))
	var se *json.SyntaxError
	if errors.As(err, &se) {
		offset = se.Offset
	}
	return &Error{position(text, offset), err}
}

// repeatedKeys reads one value and complains of an object that says a key twice: readers differ in which one they take.
func repeatedKeys(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errors.New("the document is too deep")
	}
	t, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if delim == '{' {
			k, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := k.(string)
			if seen[name] {
				return fmt.Errorf("the key %q stands here a second time", name)
			}
			seen[name] = true
		}
		if err := repeatedKeys(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// position is where the last of the first n bytes of text stands.
func position(text []byte, n int64) Position {
	before := text[:min(max(n, 1), int64(len(text)))]
	return Position{bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n') - 1}
}

package configtoken

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxClaims bounds the claims in bytes, whatever they were compressed to.
const maxClaims = 256 << 10

// parse reads the registered claims and the pointer out of a payload whose seal is open.
//
// As jsonwebtoken has it, exp and nbf must be numbers if they are there at all: "exp": "4070908800" or null would
// otherwise be a token that never expires.
func parse(format Format, payload []byte) (Token, error) {
	if len(payload) > maxClaims {
		return Token{}, errors.New("too long")
	}
	claims, err := lastWins(bytes.TrimSpace(payload))
	if err != nil {
		return Token{}, err
	}
	top, err := object(claims)
	if err != nil {
		return Token{}, err
	}
	t := Token{Format: format, Claims: claims}
	if t.Expires, err = seconds(top, "exp"); err != nil {
		return Token{}, err
	}
	if _, ok := top["exp"]; ok && t.Expires == 0 {
		t.Expires = 1
	}
	if t.NotBefore, err = seconds(top, "nbf"); err != nil {
		return Token{}, err
	}
	if t.ID, err = text(top["jti"]); err != nil {
		return Token{}, fmt.Errorf("jti: %w", err)
	}
	t.Pointer, err = pointer(top["eas"])
	return t, err
}

func object(raw []byte) (map[string]json.RawMessage, error) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(raw, &members)
	return members, err
}

// pointer reads config_token_store_id and config_token_id, strings or numbers. Only both of them together,
// and neither empty nor 0, make a pointer, as in EAS.
func pointer(eas json.RawMessage) (Pointer, error) {
	members, err := object(eas)
	if err != nil {
		return Pointer{}, nil // no configuration at all: refused by whoever compiles it, with a better reason
	}
	store, err := text(members["config_token_store_id"])
	if err != nil {
		return Pointer{}, fmt.Errorf("eas.config_token_store_id: %w", err)
	}
	token, err := text(members["config_token_id"])
	if err != nil {
		return Pointer{}, fmt.Errorf("eas.config_token_id: %w", err)
	}
	if store == "" || token == "" || store == "0" || token == "0" {
		return Pointer{}, nil
	}
	return Pointer{StoreID: store, TokenID: token}, nil
}

// seconds returns the NumericDate (RFC 7519 §2) called name, rounded up: whole seconds compare with it as with the
// fraction.
func seconds(members map[string]json.RawMessage, name string) (int64, error) {
	raw, ok := members[name]
	if !ok {
		return 0, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%s: not a number", name)
	}
	switch f = math.Ceil(f); {
	case f >= math.MaxInt64:
		return math.MaxInt64, nil
	case f <= math.MinInt64:
		return math.MinInt64, nil
	}
	return int64(f), nil
}

// text returns a JSON string or number as text, and "" for null or nothing.
func text(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	}
	if raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9' {
		return number(string(raw)), nil
	}
	return "", errors.New("neither a string nor a number")
}

// number returns the one spelling of a JSON number, so that 42.0 is not a way around a revoked 42.
// Integers keep all their digits.
func number(s string) string {
	if s == "-0" {
		return "0"
	}
	if !strings.ContainsAny(s, ".eE") {
		return s
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if f == math.Trunc(f) && math.Abs(f) < 1e21 {
		return strconv.FormatFloat(f+0, 'f', -1, 64) // +0: no "-0"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// lastWins returns raw, which must be one JSON value, with repeated members removed as [Token.Claims] says.
// Text without any is returned as it is.
func lastWins(raw []byte) ([]byte, error) {
	if !json.Valid(raw) { // also bounds the depth
		return nil, errors.New("not JSON")
	}
	if !repeated(raw) {
		return raw, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var out bytes.Buffer
	if err := rewrite(dec, &out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// repeated reports whether a member name occurs twice in one object of raw, which is valid JSON.
func repeated(raw []byte) bool {
	type level struct {
		seen map[string]bool // nil in an array
		name bool            // a member's name comes next
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	stack := []level{{}}
	for {
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		top := &stack[len(stack)-1]
		if tok == json.Delim('}') || tok == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if top.name {
			name := tok.(string)
			if top.seen[name] {
				return true
			}
			top.seen[name], top.name = true, false
			continue
		}
		top.name = top.seen != nil
		switch tok {
		case json.Delim('{'):
			stack = append(stack, level{seen: map[string]bool{}, name: true})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}

// rewrite copies the next value of dec to out without the members that a later one of the same name replaces.
func rewrite(dec *json.Decoder, out *bytes.Buffer) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	switch tok {
	case json.Delim('['):
		out.WriteByte('[')
		for first := true; dec.More(); first = false {
			if !first {
				out.WriteByte(',')
			}
			if err := rewrite(dec, out); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		_, err = dec.Token()
		return err
	case json.Delim('{'):
		return rewriteObject(dec, out)
	}
	return scalar(tok, out)
}

func rewriteObject(dec *json.Decoder, out *bytes.Buffer) error {
	var order []string
	last := map[string][]byte{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		name := tok.(string)
		var value bytes.Buffer
		if err := rewrite(dec, &value); err != nil {
			return err
		}
		if _, ok := last[name]; !ok {
			order = append(order, name)
		}
		last[name] = value.Bytes()
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	out.WriteByte('{')
	for i, name := range order {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := scalar(name, out); err != nil {
			return err
		}
		out.WriteByte(':')
		out.Write(last[name])
	}
	out.WriteByte('}')
	return nil
}

// scalar writes v without the \u003c that [json.Marshal] makes of <.
func scalar(v any, out *bytes.Buffer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // the newline
	return nil
}

package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// AsJavaScript returns raw, which is to be decoded into t, with values of another type than t's replaced by what a
// program in JavaScript takes them for: where text is meant false and 0 are nothing; where true or false is meant 0
// and "" are nothing, and all else is true; where a number is meant a text may be one. say is told of each, with its
// path.
//
// All else of a wrong type stays, and is an error of [Decode]: a number or a list of one text is no text there either.
func AsJavaScript(raw []byte, t reflect.Type, say func(error)) []byte {
	return coerce(raw, t, "", say)
}

func coerce(raw json.RawMessage, t reflect.Type, path string, say func(error)) json.RawMessage {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if opaque(t) {
		return raw
	}
	if t.Kind() == reflect.Struct {
		return coerceMembers(raw, t, path, say)
	}
	var v any
	if json.Unmarshal(raw, &v) != nil || v == nil {
		return raw
	}
	as := func(text string) json.RawMessage {
		say(fmt.Errorf("%s: want %s: taken for %s, as JavaScript does", path, kind(t), text))
		return json.RawMessage(text)
	}
	switch t.Kind() {
	case reflect.String:
		if v == false || v == 0.0 {
			return as("null")
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok && (v == 0.0 || v == "") {
			return as("null")
		} else if !ok {
			return as("true")
		}
	case reflect.Int, reflect.Int64, reflect.Float64:
		s, _ := v.(string)
		if _, err := strconv.ParseFloat(s, 64); err == nil && json.Valid([]byte(s)) {
			return as(s)
		}
	}
	return raw
}

func coerceMembers(raw json.RawMessage, t reflect.Type, path string, say func(error)) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return raw
	}
	changed, fields := false, Fields(t)
	for name, member := range members {
		f, known := fields[name]
		if !known {
			continue
		}
		p := strings.TrimPrefix(path+"."+name, ".")
		if c := coerce(member, f.Type, p, say); !bytes.Equal(c, member) {
			members[name], changed = c, true
		}
	}
	if !changed {
		return raw
	}
	out, err := json.Marshal(members)
	if err != nil {
		return raw
	}
	return out
}

package sandbox

import (
	"fmt"
	"math/big"
	"strings"

	"modernc.org/quickjs"

	"github.com/easgate/easgate/internal/query"
)

// encoded is a value on its way into a VM: its JSON, "" for undefined, and where in it the integers are that JavaScript
// would round, a list of [path, digits], "" for none. They become BigInt.
type encoded struct{ json, integers string }

func encode(v query.Value) (encoded, error) {
	text, err := query.AppendJSON(nil, v)
	if err != nil {
		return encoded{}, err
	}
	e := encoded{json: string(text)}
	if found := integers(v, nil, nil); found != nil {
		e.integers = query.JSON(found)
	}
	return e, nil
}

func integers(v query.Value, path, found []any) []any {
	switch v := v.(type) {
	case query.Integer:
		return append(found, []any{append([]any{}, path...), string(v)})
	case []any:
		for i, e := range v {
			found = integers(e, append(path, float64(i)), found)
		}
	case *query.Object:
		for i := range v.Len() {
			key, e := v.At(i)
			found = integers(e, append(path, key), found)
		}
	}
	return found
}

// decode reads what js/realm.js encoded. It knows each type that the engine returns, and is an error for any that
// realm.js does not use.
func decode(v any) (query.Value, error) {
	switch v := v.(type) {
	case nil, bool, float64:
		return v, nil
	case int:
		return float64(v), nil
	case *big.Int:
		return query.FromInt(v)
	case quickjs.Undefined:
		return query.Undefined{}, nil
	case string:
		// Half a surrogate pair is no text.
		v = strings.ToValidUTF8(v, "\ufffd")
		switch {
		case strings.HasPrefix(v, "s"):
			return v[1:], nil
		case strings.HasPrefix(v, "j"), strings.HasPrefix(v, "i"):
			out, err := query.Parse([]byte(v[1:]), v[0] == 'i')
			if err != nil {
				return nil, fmt.Errorf("sandbox: result: %w", err)
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("sandbox: result: unexpected %T", v)
}

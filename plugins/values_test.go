package plugins

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestValues(t *testing.T) {
	for in, want := range map[string]Values{
		`"a"`:              OneOf("a"),
		`["a","b"]`:        OneOf("a", "b"),
		`""`:               OneOf(""),
		`[]`:               {Odd: true},
		`null`:             {Null: true},
		`[null,"a"]`:       {Texts: []Secret{"a"}, Null: true},
		`5`:                {Odd: true},
		`["a",5,{},["b"]]`: {Texts: []Secret{"a"}, Odd: true},
	} {
		var got Values
		if err := json.Unmarshal([]byte(in), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Unmarshal(%s) = %#v, %v, want %#v", in, got, err, want)
		}
	}
}

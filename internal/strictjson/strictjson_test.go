package strictjson_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/strictjson"
)

type level string

func (l *level) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if s != "low" && s != "high" {
		return errors.New("want low or high")
	}
	*l = level(s)
	return nil
}

// secrets decodes itself, into fields that are no members.
type secrets struct {
	Texts []string
	Odd   bool
}

func (s *secrets) UnmarshalJSON([]byte) error {
	s.Odd = true
	return nil
}

type inner struct {
	Port int `json:"port"`
}

// either decodes itself: text or an object.
type either struct {
	Text string `json:"-"`
	Host string `json:"host"`
	TLS  *inner `json:"tls"`
}

func (e *either) UnmarshalJSON(raw []byte) error {
	if strings.HasPrefix(string(raw), `"`) {
		return json.Unmarshal(raw, &e.Text)
	}
	type plain either
	return json.Unmarshal(raw, (*plain)(e))
}

type shared struct {
	TTL int `json:"ttl"`
}

type config struct {
	shared
	Name  string           `json:"name"`
	Level level            `json:"level"`
	To    either           `json:"to"`
	List  []inner          `json:"list"`
	Map   map[string]inner `json:"map"`
	Any   any              `json:"any"`
	Raw   json.RawMessage  `json:"raw"`
	Keys  secrets          `json:"keys"`
}

func TestUnmarshal(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"all known", `{"name":"a","ttl":3,"level":"low","to":{"host":"h","tls":{"port":1}},"list":[{"port":1}],"map":{"x":{"port":1}},"any":{"z":1},"raw":{"y":[{}]}}`, ""},
		{"inside what decodes itself its own way", `{"keys":{"Texts":[],"x":1}}`, ""},
		{"text form", `{"to":"h:1"}`, ""},
		{"null", `{"to":null,"list":null}`, ""},
		{"unknown member", `{"nmae":"a"}`, "nmae: unknown option"},
		{"unknown members deep down", `{"to":{"hots":"h","tls":{"prot":1}},"list":[{},{"p":1}],"map":{"x":{"q":1}}}`,
			"list[1].p: unknown option\nmap.x.q: unknown option\nto.hots: unknown option\nto.tls.prot: unknown option"},
		{"wrong type", `{"name":5}`, "name: want text, got number"},
		{"wrong type inside what decodes itself", `{"to":{"tls":{"port":"x"}}}`, "to.tls.port: want a whole number, got string"},
		{"wrong type in a list", `{"list":[{"port":1},{"port":true}]}`, "list[1].port: want a whole number, got bool"},
		{"several", `{"name":5,"list":[{"port":true},{"port":1}],"ttl":"x"}`,
			"list[0].port: want a whole number, got bool\nname: want text, got number\nttl: want a whole number, got string"},
		{"a value's own complaint", `{"level":"hihg"}`, "level: want low or high"},
		{"not an object", `[]`, "want an object, got array"},
		{"not JSON", "{\n\"name\": \n}", "line 3: invalid character '}' looking for beginning of value"},
		{"cut off", `{"name": "s3cret`, "line 1: unexpected end of JSON input"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c config
			got := ""
			if err := strictjson.Unmarshal([]byte(tt.in), &c); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("Unmarshal(%s) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// The pipeline's own members stand beside those of a plugin, and in an old token an unknown one is no error.
func TestDecode(t *testing.T) {
	tests := []struct{ name, in, unknown, want string }{
		{"others", `{"name":"a","type":"x","pcb":{},"to":{"type":"y"}}`, "pcb: unknown option\nto.type: unknown option", "a"},
		{"another case is another name", `{"Name":"a"}`, "Name: unknown option (did you mean name?)", ""},
		{"and does not count beside the right one", `{"name":"a","NAME":"b"}`, "NAME: unknown option (did you mean name?)", "a"},
		{"deep down", `{"list":[{"port":7,"Port":"x"}],"name":"a","<":1}`,
			"<: unknown option\nlist[0].Port: unknown option (did you mean port?)", "a"},
	}
	for _, tt := range tests {
		var c config
		unknown, err := strictjson.Decode([]byte(tt.in), &c, "type", "other")
		var got []string
		for _, u := range unknown {
			text := u.Error()
			if h := problem.HintOf(u); strings.HasPrefix(h, "did you") {
				text += " (" + h + ")"
			}
			got = append(got, text)
		}
		if err != nil || c.Name != tt.want || strings.Join(got, "\n") != tt.unknown {
			t.Errorf("%s: Decode = %q, %q, %v, want %q, %q", tt.name, c.Name, got, err, tt.want, tt.unknown)
		}
		if strings.Contains(tt.in, "port") && c.List[0].Port != 7 {
			t.Errorf("%s: list[0].port = %d, want 7", tt.name, c.List[0].Port)
		}
	}
}

func TestAsJavaScript(t *testing.T) {
	type options struct {
		Text  string  `json:"text"`
		On    bool    `json:"on"`
		Safe  *bool   `json:"safe"`
		N     int     `json:"n"`
		F     float64 `json:"f"`
		Inner inner   `json:"inner"`
		Keys  secrets `json:"keys"`
		Other any     `json:"other"`
	}
	for _, tt := range []struct{ name, in, want, said string }{
		{"as it should be", `{"text":"a","on":true,"safe":false,"n":5,"f":0.5,"inner":{"port":1}}`, "", ""},
		{"nothing where text is meant", `{"text":false}`, `{"text":null}`, "text: want text: taken for null, as JavaScript does"},
		{"0 where text is meant", `{"text":0}`, `{"text":null}`, "text: want text: taken for null, as JavaScript does"},
		{"a number where text is meant", `{"text":5}`, "", ""},
		{"a list of one", `{"text":["a"]}`, "", ""},
		{"text is true, whatever it says", `{"on":"false"}`, `{"on":true}`, "on: want true or false: taken for true, as JavaScript does"},
		{"an empty list is true", `{"on":[]}`, `{"on":true}`, "on: want true or false: taken for true, as JavaScript does"},
		{"no text is false", `{"on":""}`, `{"on":null}`, "on: want true or false: taken for null, as JavaScript does"},
		// Node.js takes what is not false for the default, which may be true.
		{"0 is the default", `{"safe":0}`, `{"safe":null}`, "safe: want true or false: taken for null, as JavaScript does"},
		{"a number in quotes", `{"n":"5"}`, `{"n":5}`, "n: want a whole number: taken for 5, as JavaScript does"},
		{"what is a number in Go alone", `{"n":"0x5","f":"NaN"}`, "", ""},
		{"null", `{"text":null,"on":null,"n":null}`, "", ""},
		{"deep down", `{"inner":{"port":"1"},"other":{"z":[1]}}`, `{"inner":{"port":1},"other":{"z":[1]}}`,
			"inner.port: want a whole number: taken for 1, as JavaScript does"},
		{"what decodes itself", `{"keys":false,"other":false}`, "", ""},
		{"not an object", `[1]`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.in
			}
			said := ""
			got := strictjson.AsJavaScript([]byte(tt.in), reflect.TypeFor[options](), func(err error) { said += err.Error() })
			if string(got) != tt.want || said != tt.said {
				t.Errorf("AsJavaScript(%s) = %s and says %q, want %s and %q", tt.in, got, said, tt.want, tt.said)
			}
		})
	}
}

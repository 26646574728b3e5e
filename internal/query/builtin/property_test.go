//go:build integration

package builtin

import (
	"context"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/querytest"
)

// Whatever comes out of any engine is a value of query, and its JSON parses back to the same.
func TestProperty(t *testing.T) {
	token, url, done := Engines(Options{Token: generous, URL: generous, AllowEval: true})
	defer done()
	data, err := query.Parse([]byte(`{"id":9007199254740993,"n":1.5,"s":"é\u0000","l":[{"id":-9007199254740993,"m":"x"},{"id":5,"m":"y"},null,true,[],{}],"deep":{"toString":1}}`), true)
	if err != nil {
		t.Fatal(err)
	}
	const fails = "error"
	for engine, exprs := range map[string]map[string]string{ // the empty text is for what only has to be a value
		"jp": {
			"$": "", "$.id": `[9007199254740993]`, "$..id": `[9007199254740993,-9007199254740993,5]`, "$.l[*]": "", "$.l[?(@.id==9007199254740992)]": `[]`,
			"$.l[?(@.id==-9007199254740993)].m": `["x"]`, "$.l[?(@.id<-9007199254740992)].m": `["x"]`, "$.l[?(@.id<=-9007199254740994)].m": `[]`,
			"$.l[?(@.m.match(/x/))].id": `[-9007199254740993]`, "$.s.length": "", "$.l.length": "", "$.nope": `[]`,
		},
		"jsonata": {
			"id": `9007199254740993`, "n + 1": `2.5`, "$sum(l.n)": "", "s & 'x'": "", "nope": "", "id = 5": `false`, "id != 5": `true`, "$exists(id)": `true`,
			"'id-' & id": `"id-9007199254740993"`, "$not(id)": `false`, "id and $exists(n)": `true`, "[1..3]": `[1,2,3]`, "function($x){$x}": "", "$now()": "", "1/0": "",
			// The reference takes a BigInt for something missing, or false.
			"l.id": fails, "l[m='x'].id": fails, "{'a': id}": fails, "$": fails, "id + 1": fails, "id ? 1 : 2": fails, "l[id].m": fails, "$string(id)": fails,
			"l[m='y'].m": `"y"`,
		},
		"handlebars": {
			"{{id}}": `"9007199254740993"`, "a{{#each l}}{{id}},{{/each}}": "\"a-9007199254740993,5,,,,,\"", "{{{s}}}": "", "{{#if id}}y{{/if}}": `"y"`,
		},
		"js": {"return data.id": `9007199254740993`, "return data": ""},
		"jq": {".id": "", ".l[0].id": "", "[.l[] | .id?]": "", ".": ""},
	} {
		for expr, want := range exprs {
			for where, compile := range map[string]func(engine, expr string) (query.Query, error){
				"token": token.Compile, "native": token.CompileNative, "url": url.Compile,
			} {
				q, err := compile(engine, expr)
				if err != nil {
					t.Errorf("%s: %s %s: %v", where, engine, expr, err)
					continue
				}
				v, err := q.Eval(context.Background(), data)
				if err == nil {
					querytest.Value(t, where+": "+engine+" "+expr, v)
				}
				if want == fails {
					if err == nil {
						t.Errorf("%s: %s %s = %s, want an error", where, engine, expr, query.JSON(v))
					}
				} else if want != "" && (err != nil || query.JSON(v) != want) {
					t.Errorf("%s: %s %s = %s, %v, want %s", where, engine, expr, query.JSON(v), err, want)
				}
			}
		}
	}
}

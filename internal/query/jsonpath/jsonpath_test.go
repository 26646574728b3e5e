package jsonpath

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
)

// A row of reference.json: what the npm package answers for expression E on data D.
type row struct {
	E string          `json:"e"`
	D json.RawMessage `json:"d"`
	R json.RawMessage `json:"r"`
	// Err is what it threw.
	Err string `json:"err"`
	// Prototype: the answer has a function or prototype in it, for which this package has an error.
	Prototype bool `json:"prototype"`
}

func readRows(t testing.TB, file string) []row {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func parseJSON(t testing.TB, text []byte) query.Value {
	v, err := query.ParseJSON(text)
	if err != nil {
		t.Fatalf("ParseJSON(%s): %v", text, err)
	}
	return v
}

// check compares one row, and reports whether it was evaluated here and not left to the fallback.
func check(t *testing.T, r row, data query.Value) bool {
	t.Helper()
	q, err := New(nil).Compile(r.E)
	if errors.Is(err, errUnsupported) {
		return false
	}
	var got any
	if err == nil {
		got, err = q.Eval(context.Background(), data)
	}
	// Where the reference walks on from a function, which almost never leads anywhere, there is an error here.
	if errors.Is(err, errFunction) {
		return true
	}
	switch wantErr := r.Err != "" || r.Prototype; {
	case wantErr && err == nil:
		t.Errorf("%s on %s = %s, want an error (%s)", r.E, r.D, query.JSON(got), r.Err)
	case !wantErr && err != nil:
		t.Errorf("%s on %s: %v, want %s", r.E, r.D, err, r.R)
	case !wantErr && query.JSON(got) != query.JSON(parseJSON(t, r.R)):
		t.Errorf("%s on %s = %s, want %s", r.E, r.D, query.JSON(got), r.R)
	}
	return true
}

func TestReference(t *testing.T) {
	file := "testdata/reference.json"
	if f := os.Getenv("JSONPATH_REFERENCE"); f != "" {
		file = f
	}
	rows := readRows(t, file)
	native := 0
	for _, r := range rows {
		if check(t, r, parseJSON(t, r.D)) {
			native++
		}
	}
	t.Logf("%d of %d evaluated here", native, len(rows))
	if native*10 < len(rows)*7 {
		t.Errorf("only %d of %d expressions are evaluated here", native, len(rows))
	}
}

// The published outputs of the npm package on what looks like real userinfo.
func TestUserinfo(t *testing.T) {
	text, err := os.ReadFile("testdata/userinfo.json")
	if err != nil {
		t.Fatal(err)
	}
	data := parseJSON(t, text)
	var left []string
	for _, r := range readRows(t, "testdata/userinfo-reference.json") {
		r.D = text
		if !check(t, r, data) {
			left = append(left, r.E)
		}
	}
	// Calls, undefined and arrays are left to the reference.
	const want = 5
	if len(left) != want {
		t.Errorf("left to the fallback: %d, want %d:\n%s", len(left), want, strings.Join(left, "\n"))
	}
}

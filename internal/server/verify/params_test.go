package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/easgate/easgate/internal/query"
)

// overloaded is an engine that compiles nothing as long as fail says so.
type overloaded struct {
	mu             sync.Mutex
	fail, compiled int
}

func (o *overloaded) Compile(string) (query.Query, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.compiled++
	time.Sleep(time.Millisecond)
	if o.fail > 0 {
		o.fail--
		return nil, fmt.Errorf("%w: all VMs are busy", query.ErrMoment)
	}
	return found{}, nil
}

type found struct{}

func (found) Eval(context.Context, any) (any, error) { return "x", nil }

// ATTACKS 71: a verify URL whose query could not be compiled while strangers kept the VM busy works as soon as they no
// longer do, and those who ask at the same time compile it once.
func TestParamsOfTheMoment(t *testing.T) {
	const raw = "config_token_store_id=main&config_token_id_query=x&config_token_id_query_engine=busy"
	synctest.Test(t, func(t *testing.T) {
		engine := &overloaded{}
		s := &Verifier{cfg: Config{URLQueries: query.Engines{"busy": engine}, Now: time.Now}}
		var err error
		if s.params, err = otter.New(&otter.Options[string, *Params]{MaximumSize: 100}); err != nil {
			t.Fatal(err)
		}
		ask := func(text string) *Params {
			if text == raw {
				return s.URLParams(raw)
			}
			return s.JSONParams(text)
		}
		for _, text := range []string{raw, `{"config_token_store_id":"main","config_token_id_query":"x","config_token_id_query_engine":"busy"}`} {
			engine.fail, engine.compiled = 1, 0
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					if p := ask(text); p.err != nil {
						t.Errorf("one try later: %v", p.err)
					}
				})
			}
			wg.Wait()
			if engine.compiled != 2 {
				t.Errorf("compiled %d times, want once and once again for all", engine.compiled)
			}

			s.params.InvalidateAll()
			engine.fail, engine.compiled = 2, 0
			for range 3 {
				if p := ask(text); !errors.Is(p.err, query.ErrMoment) || engine.compiled != 2 {
					t.Errorf("overloaded: %v, compiled %d times", p.err, engine.compiled)
				}
			}
			time.Sleep(momentPause)
			for range 2 {
				if p := ask(text); p.err != nil || engine.compiled != 3 {
					t.Errorf("when the load has ended: %v, compiled %d times", p.err, engine.compiled)
				}
			}
		}
	})
}

// docs/operations.md has each parameter in a row, and no others.
func TestParametersAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n| parameter | says |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var got []string
	for row := range strings.Lines(table) {
		names, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		for name := range strings.SplitSeq(names, ", ") {
			got = append(got, strings.Trim(name, "`"))
		}
	}
	if !ok || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(parameters))) {
		t.Errorf("docs/operations.md has the parameters %q, want %q", got, parameters)
	}
}

// A parameter that is read is one of the list: it denies when it stands twice.
func TestParametersStandOnce(t *testing.T) {
	for _, name := range parameters {
		if p := parseParams(name+"=1&"+name+"=1", nil); !errors.Is(p.err, errTwice) {
			t.Errorf("%s twice: %v, want %v", name, p.err, errTwice)
		}
	}
	if p := parseParams("other=1&other=1", nil); errors.Is(p.err, errTwice) {
		t.Errorf("other twice: %v", p.err)
	}
}

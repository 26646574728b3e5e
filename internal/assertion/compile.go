package assertion

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsregexp"
)

var (
	errString = errors.New("must be a string")
	errObject = errors.New("must be an object")
)

type compiler struct {
	engines query.Engines
	strict  bool
	// owner is whose the regular expressions are; see [query.Owned].
	owner any
}

// rule compiles one element of the list. It reads the JSON by hand: encoding/json would take "Negate" for "negate",
// which external-auth-server does not.
func (c compiler) rule(v query.Value) (rule, error) {
	o, ok := v.(*query.Object)
	if !ok {
		return rule{}, errObject
	}
	if err := c.fields(o, "query_engine", "query", "query_opts", "rule"); err != nil {
		return rule{}, err
	}
	engine, ok := member(o, "query_engine").(string)
	if !ok {
		return rule{}, problem.At("query_engine", errString)
	}
	expr, ok := member(o, "query").(string)
	if !ok {
		return rule{}, problem.At("query", errString)
	}
	if err := c.options(member(o, "query_opts")); err != nil {
		return rule{}, err
	}
	spec, ok := member(o, "rule").(*query.Object)
	if !ok {
		return rule{}, problem.At("rule", errObject)
	}
	r, err := c.spec(spec)
	if err != nil {
		return rule{}, problem.At("rule", err)
	}
	r.engine, r.expr, r.want = engine, expr, member(spec, "value")
	r.native = c.strict
	r.client = c.strict && strings.Contains(expr, "clientIP")
	compile := c.engines.Compile
	if r.native {
		compile = c.engines.CompileNative
	}
	if r.query, err = compile(engine, expr); errors.Is(err, query.ErrUnknownEngine) {
		return rule{}, problem.At("query_engine", err)
	} else if err != nil {
		return rule{}, problem.At("query", fmt.Errorf("%s: %w", engine, err))
	}
	r.single, _ = r.query.(query.Single)
	r.matches = engine == "jp"
	r.name = fmt.Sprintf(" (%s, %s)", engine, r.name)
	return r, nil
}

// options: single_value and the like shape headers; a rule's method says how many values it takes.
func (c compiler) options(v query.Value) error {
	switch o, ok := v.(*query.Object); {
	case !c.strict, ok && o.Len() == 0:
		return nil
	default:
		if _, none := v.(query.Undefined); none {
			return nil
		}
		return problem.At("query_opts", errors.New("has no meaning in a rule"))
	}
}

func (c compiler) spec(o *query.Object) (rule, error) {
	if err := c.fields(o, "method", "value", "negate", "case_insensitive"); err != nil {
		return rule{}, err
	}
	method, isText := member(o, "method").(string)
	if c.strict && !isText {
		return rule{}, problem.At("method", errors.New("must be a string"))
	}
	r := rule{name: method, method: method}
	var err error
	if r.negate, err = c.flag(o, "negate"); err != nil {
		return rule{}, err
	}
	if r.fold, err = c.flag(o, "case_insensitive"); err != nil {
		return rule{}, err
	}
	if r.negate {
		r.name = "not " + method
	}
	value := member(o, "value")
	if c.strict {
		if _, missing := value.(query.Undefined); missing != (method == "empty") && isMethod(method) {
			return rule{}, problem.At("value", errors.New("required by every method but empty, which takes none"))
		}
		if err := oneValue(method, value); err != nil {
			return rule{}, problem.At("value", err)
		}
	}
	if r.fold {
		if value, err = fold(value); err != nil {
			return rule{}, problem.At("value", fmt.Errorf("with case_insensitive: %w", err))
		}
	}
	r.test, r.takes, err = compileTest(method, value)
	if re, ok := r.test.(regex); ok && err == nil {
		r.test = regex{re.re.For(c.owner)}
	}
	return r, err
}

// oneValue refuses what JavaScript would make a text of: a list of one is that one there.
func oneValue(method string, value query.Value) error {
	switch value.(type) {
	case []any, *query.Object:
		if method == "eq" || method == "regex" {
			return fmt.Errorf("must be one value for %s", method)
		}
	}
	return nil
}

// Methods are how a rule can test a value.
var Methods = []string{"eq", "regex", "in", "contains", "contains-any", "contains-all", "empty", "cidr"}

func isMethod(method string) bool {
	return slices.Contains(Methods, method)
}

// compileTest returns the test of a method, and what it takes of that which a query finds.
func compileTest(method string, value query.Value) (t test, takes takes, err error) {
	values, isList := value.([]any)
	switch method {
	case "eq":
		return equal{value}, one, nil
	case "in":
		t = in(values)
	case "contains":
		return contains{value}, list, nil
	case "contains-any":
		t, takes = containsAny(values), list
	case "contains-all":
		t, takes = containsAll(values), list
	case "empty":
		return empty{}, oneOrSeveral, nil
	case "cidr":
		t, err := compileNetworks(value)
		return t, one, problem.At("value", err)
	case "regex":
		literal, err := query.ToString(value)
		if err != nil {
			return nil, one, err
		}
		re, err := jsregexp.Compile(literal)
		return regex{re}, one, problem.At("value", err)
	default:
		return nil, one, problem.At("method", problem.Unknown("method", method, Methods...))
	}
	if !isList {
		return nil, one, problem.At("value", fmt.Errorf("must be a list for %s", method))
	}
	return t, takes, nil
}

// fields refuses, with strict, a member that is none of fields.
func (c compiler) fields(o *query.Object, fields ...string) error {
	for i := range o.Len() {
		if name, _ := o.At(i); c.strict && !slices.Contains(fields, name) {
			return problem.UnknownMember(name, fields...)
		}
	}
	return nil
}

// flag reads a switch. Without strict it is on when it is truthy, so "false" is on.
func (c compiler) flag(o *query.Object, name string) (bool, error) {
	v := member(o, name)
	if _, missing := v.(query.Undefined); c.strict && !missing {
		if _, ok := v.(bool); !ok {
			return false, problem.At(name, errors.New("must be true or false"))
		}
	}
	return query.Truthy(v), nil
}

func member(o *query.Object, name string) query.Value {
	v, _ := o.Get(name)
	return v
}

package sandbox

import (
	"container/list"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"modernc.org/quickjs"
)

const (
	// bootTime bounds the loading of a library, which is code of ours; it is generous for slow machines.
	bootTime = 10 * time.Second
	// bootMemory is the floor of a VM's memory while a library loads.
	bootMemory = 16 << 20
	// maxQueries is how many compiled queries a VM remembers.
	maxQueries = 256
	// slotSize is about what a call of JavaScript takes of a Go stack, in bytes. QuickJS counts such slots; its
	// default is minSlots, and maxSlots of them stay far below Go's own limit.
	slotSize, minSlots, maxSlots = 1700, 5000, 40000
	// functionHead is how many lines the Function constructor puts before a body.
	functionHead = 2
)

// code is a compiled kind, the parts of its source: bytecode is loaded some ten times faster than text.
type code [3][]byte

func (k kind) compile() (c code, err error) {
	parts, err := k.source()
	if err != nil {
		return c, err
	}
	vm, err := quickjs.NewVM()
	if err != nil {
		return c, fmt.Errorf("sandbox: %w", err)
	}
	defer vm.Close()
	for i, text := range parts {
		if text == "" {
			continue
		}
		if c[i], err = vm.Compile(text, quickjs.EvalGlobal); err != nil {
			return code{}, fmt.Errorf("sandbox: %s: %w", k, err)
		}
	}
	return c, nil
}

// A realm is a VM with its library, locked down. It is used by one goroutine at a time.
type realm struct {
	kind kind
	vm   *quickjs.VM
	// The functions of js/realm.js.
	compileFn, dropFn, runFn, settleFn, tidyFn quickjs.Value
	// known holds the ids of the queries compiled here, the most recently used first.
	known map[uint32]*list.Element
	order list.List
}

// A source is a query's text with an identity, for the VMs to remember it by, and an owner, with whom it shares VMs.
type source struct {
	id    uint32
	text  string
	owner any
}

func newRealm(k kind, c code, o Options) (r *realm, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("sandbox: %s: engine panic: %v", k, p)
		}
	}()
	vm, err := quickjs.NewVM()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	vm.SetCanBlock(false)
	vm.SetMaxStackSize(uintptr(min(max(o.Limits.Memory/slotSize, minSlots), maxSlots)))
	vm.SetMemoryLimit(uintptr(max(o.Limits.Memory, bootMemory)))
	r = &realm{kind: k, vm: vm, known: make(map[uint32]*list.Element)}
	if err := r.boot(c, o.Strangers); err != nil {
		r.close()
		return nil, fmt.Errorf("sandbox: %s: %w", k, err)
	}
	vm.SetMemoryLimit(uintptr(o.Limits.Memory))
	return r, nil
}

func (r *realm) boot(c code, strangers bool) error {
	if err := r.vm.SetEvalTimeout(bootTime); err != nil {
		return err
	}
	realm, err := r.vm.EvalBytecodeValue(c[0])
	if err != nil {
		return err
	}
	defer realm.Free()
	args := []any{r.kind.String(), strangers}
	for _, bytecode := range c[1:] {
		if bytecode == nil {
			args = append(args, quickjs.Undefined{})
			continue
		}
		v, err := r.vm.EvalBytecodeValue(bytecode)
		if err != nil {
			return err
		}
		defer v.Free()
		args = append(args, v)
	}
	api, err := realm.CallValue(quickjs.UndefinedValue, args...)
	if err != nil {
		return err
	}
	defer api.Free()
	for _, f := range []struct {
		name string
		to   *quickjs.Value
	}{{"compile", &r.compileFn}, {"drop", &r.dropFn}, {"run", &r.runFn}, {"settle", &r.settleFn}, {"tidy", &r.tidyFn}} {
		atom, err := r.vm.NewAtom(f.name)
		if err != nil {
			return err
		}
		if *f.to, err = api.GetPropertyValue(atom); err != nil {
			return err
		}
	}
	return nil
}

func (r *realm) close() {
	for _, f := range []*quickjs.Value{&r.compileFn, &r.dropFn, &r.runFn, &r.settleFn, &r.tidyFn} {
		if f.VM() != nil {
			f.Free()
		}
	}
	_ = r.vm.Close() // it frees memory; there is nothing that could be done about an error
}

// arm gives the next call into the VM what is left until deadline.
func (r *realm) arm(deadline time.Time) error {
	left := time.Until(deadline)
	if left <= 0 {
		return ErrTime
	}
	return r.vm.SetEvalTimeout(left)
}

func (r *realm) call(deadline time.Time, f quickjs.Value, args ...any) (any, error) {
	if err := r.arm(deadline); err != nil {
		return nil, err
	}
	v, err := f.Call(quickjs.UndefinedValue, args...)
	if err != nil {
		return nil, r.fault(err)
	}
	return v, nil
}

// drain runs what promises left to do, and reports whether there was anything.
func (r *realm) drain(deadline time.Time) (bool, error) {
	if err := r.arm(deadline); err != nil {
		return false, err
	}
	n, err := r.vm.ExecutePendingJobs()
	if err != nil {
		return n > 0, r.fault(err)
	}
	return n > 0, nil
}

// compile has the VM compile src, unless it did already.
func (r *realm) compile(src source, deadline time.Time) error {
	if e, ok := r.known[src.id]; ok {
		r.order.MoveToFront(e)
		return nil
	}
	if _, err := r.call(deadline, r.compileFn, int(src.id), src.text); err != nil {
		return err
	}
	r.known[src.id] = r.order.PushFront(src.id)
	if r.order.Len() > maxQueries {
		id := r.order.Remove(r.order.Back()).(uint32)
		delete(r.known, id)
		if _, err := r.call(deadline, r.dropFn, int(id)); err != nil {
			return err
		}
	}
	return nil
}

// eval runs src on data and returns a query.Value.
func (r *realm) eval(src source, data encoded, deadline time.Time) (any, error) {
	if err := r.compile(src, deadline); err != nil {
		return nil, err
	}
	v, err := r.call(deadline, r.runFn, int(src.id), data.json, data.integers)
	for err == nil && v == "p" {
		if _, err = r.drain(deadline); err == nil {
			v, err = r.call(deadline, r.settleFn)
		}
	}
	if r.kind == script {
		if tidyErr := r.tidy(deadline); err == nil || errors.Is(tidyErr, errSpoiled) {
			err = errors.Join(err, tidyErr)
		}
	}
	if err != nil {
		return nil, err
	}
	return decode(v)
}

// errSpoiled says that the VM is fit for no further evaluation.
var errSpoiled = errors.New("sandbox: the script changed its realm for good")

// tidy ends what a script left running, then undoes what it did to the realm.
func (r *realm) tidy(deadline time.Time) error {
	for {
		more, err := r.drain(deadline)
		if err != nil {
			return errors.Join(errSpoiled, err)
		}
		if !more {
			break
		}
	}
	clean, err := r.call(deadline, r.tidyFn)
	if err != nil || clean != true {
		return errors.Join(errSpoiled, err)
	}
	return nil
}

// A fault is an error of the query's own: the VM is well.
type fault struct{ text string }

func (f fault) Error() string { return f.text }

// fault translates an exception. The message of an error that a script made itself may quote data, so only
// its name is kept; the engine's own messages name things, and the libraries' quote the query.
func (r *realm) fault(err error) error {
	var e *quickjs.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("sandbox: %w", err)
	}
	if e.Name == "InternalError" || e.Name == "" {
		switch text := e.Error() + e.Message; {
		case strings.Contains(text, "interrupted"):
			return ErrTime
		case strings.Contains(text, "out of memory"), text == "", text == "null":
			// With no memory left for an Error, null is thrown.
			return ErrMemory
		}
	}
	if e.Name == "InternalError" {
		return fmt.Errorf("sandbox: %s", brief(e.Message))
	}
	name := e.Name
	if !slices.Contains([]string{"Error", "TypeError", "ReferenceError", "RangeError", "SyntaxError", "EvalError", "URIError",
		"AggregateError", "JSONataError"}, name) {
		name = "exception" // a script can name what it throws after its data
	}
	switch {
	case r.kind != script, name == "TypeError", name == "ReferenceError", name == "RangeError":
		return fault{brief(name + ": " + e.Message)}
	case e.LineNumber > functionHead:
		return fault{fmt.Sprintf("%s: line %d, column %d", name, e.LineNumber-functionHead, e.ColumnNumber)}
	}
	return fault{brief(name)}
}

// brief keeps an error to one short line: of a parser's message, which draws a picture in between, the first
// line, which says where, and the last one, which says what.
func brief(s string) string {
	first, rest, more := strings.Cut(strings.TrimSpace(s), "\n")
	if more {
		first += " " + rest[strings.LastIndexByte(rest, '\n')+1:]
	}
	if len(first) > 300 {
		first = strings.ToValidUTF8(first[:300], "") + "…"
	}
	return first
}

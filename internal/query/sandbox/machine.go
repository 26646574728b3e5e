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

// A machine is a VM with its library, locked down. It is used by one goroutine at a time.
type machine struct {
	kind kind
	vm   *quickjs.VM
	// The functions of js/realm.js.
	compileFn, dropFn, runFn, settleFn, tidyFn quickjs.Value
	// compiled holds the ids of the queries compiled here, the most recently used first.
	compiled map[uint32]*list.Element
	order    list.List
}

// A source is a query's text with an identity, for the VMs to remember it by, and an owner, with whom it shares VMs.
type source struct {
	id    uint32
	text  string
	owner any
}

func newMachine(k kind, c code, o Options) (m *machine, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("sandbox: %s: engine panic: %v", k, p)
		}
	}()
	vm, err := quickjs.NewVM()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	vm.SetCanBlock(false)
	vm.SetMaxStackSize(uintptr(min(max(o.Limits.Memory/slotSize, minSlots), maxSlots)))
	vm.SetMemoryLimit(uintptr(max(o.Limits.Memory, bootMemory)))
	m = &machine{kind: k, vm: vm, compiled: make(map[uint32]*list.Element)}
	if err := m.boot(c, o.Strangers); err != nil {
		m.close()
		return nil, fmt.Errorf("sandbox: %s: %w", k, err)
	}
	vm.SetMemoryLimit(uintptr(o.Limits.Memory))
	return m, nil
}

func (m *machine) boot(c code, strangers bool) error {
	if err := m.vm.SetEvalTimeout(bootTime); err != nil {
		return err
	}
	realm, err := m.vm.EvalBytecodeValue(c[0])
	if err != nil {
		return err
	}
	defer realm.Free()
	args := []any{m.kind.String(), strangers}
	for _, bytecode := range c[1:] {
		if bytecode == nil {
			args = append(args, quickjs.Undefined{})
			continue
		}
		v, err := m.vm.EvalBytecodeValue(bytecode)
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
	}{{"compile", &m.compileFn}, {"drop", &m.dropFn}, {"run", &m.runFn}, {"settle", &m.settleFn}, {"tidy", &m.tidyFn}} {
		atom, err := m.vm.NewAtom(f.name)
		if err != nil {
			return err
		}
		if *f.to, err = api.GetPropertyValue(atom); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) close() {
	for _, f := range []*quickjs.Value{&m.compileFn, &m.dropFn, &m.runFn, &m.settleFn, &m.tidyFn} {
		if f.VM() != nil {
			f.Free()
		}
	}
	_ = m.vm.Close() // it frees memory; there is nothing that could be done about an error
}

// arm gives the next call into the VM what is left until deadline.
func (m *machine) arm(deadline time.Time) error {
	left := time.Until(deadline)
	if left <= 0 {
		return ErrTime
	}
	return m.vm.SetEvalTimeout(left)
}

func (m *machine) call(deadline time.Time, f quickjs.Value, args ...any) (any, error) {
	if err := m.arm(deadline); err != nil {
		return nil, err
	}
	v, err := f.Call(quickjs.UndefinedValue, args...)
	if err != nil {
		return nil, m.fault(err)
	}
	return v, nil
}

// drain runs what promises left to do, and reports whether there was anything.
func (m *machine) drain(deadline time.Time) (bool, error) {
	if err := m.arm(deadline); err != nil {
		return false, err
	}
	n, err := m.vm.ExecutePendingJobs()
	if err != nil {
		return n > 0, m.fault(err)
	}
	return n > 0, nil
}

// compile has the VM compile src, unless it did already.
func (m *machine) compile(src source, deadline time.Time) error {
	if e, ok := m.compiled[src.id]; ok {
		m.order.MoveToFront(e)
		return nil
	}
	if _, err := m.call(deadline, m.compileFn, int(src.id), src.text); err != nil {
		return err
	}
	m.compiled[src.id] = m.order.PushFront(src.id)
	if m.order.Len() > maxQueries {
		return m.drop(m.order.Back(), deadline)
	}
	return nil
}

func (m *machine) drop(e *list.Element, deadline time.Time) error {
	id := m.order.Remove(e).(uint32)
	delete(m.compiled, id)
	_, err := m.call(deadline, m.dropFn, int(id))
	return err
}

// check compiles src and forgets it, so that one query does not take the memory in which the next is checked.
func (m *machine) check(src source, deadline time.Time) error {
	err := m.compile(src, deadline)
	if err == nil {
		err = m.drop(m.order.Front(), deadline)
	}
	return err
}

// eval runs src on data and returns a query.Value.
func (m *machine) eval(src source, data encoded, deadline time.Time) (any, error) {
	if err := m.compile(src, deadline); err != nil {
		return nil, err
	}
	v, err := m.call(deadline, m.runFn, int(src.id), data.json, data.integers)
	for err == nil && v == "p" {
		if _, err = m.drain(deadline); err == nil {
			v, err = m.call(deadline, m.settleFn)
		}
	}
	if m.kind == script {
		if tidyErr := m.tidy(deadline); err == nil || errors.Is(tidyErr, errSpoiled) {
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
func (m *machine) tidy(deadline time.Time) error {
	for {
		more, err := m.drain(deadline)
		if err != nil {
			return errors.Join(errSpoiled, err)
		}
		if !more {
			break
		}
	}
	clean, err := m.call(deadline, m.tidyFn)
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
func (m *machine) fault(err error) error {
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
	if m.kind == pattern && strings.Contains(e.Message, "out of memory") { // a SyntaxError, to QuickJS
		return ErrMemory
	}
	if e.Name == "InternalError" {
		return fmt.Errorf("sandbox: %s", brief(e.Message))
	}
	name := e.Name
	if !slices.Contains([]string{"Error", "TypeError", "ReferenceError", "RangeError", "SyntaxError", "EvalError",
		"URIError",
		"AggregateError", "JSONataError"}, name) {
		name = "exception" // a script can name what it throws after its data
	}
	switch {
	case m.kind != script, name == "TypeError", name == "ReferenceError", name == "RangeError":
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

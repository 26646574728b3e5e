package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/problem"
)

// Sources are what a configuration is read from.
type Sources struct {
	// File is the configuration file's path; "" takes EAS_CONFIG_FILE, and without that there is none.
	File string
	// Env holds NAME=value, as os.Environ returns it.
	Env []string
	// Flags are the flags that were given, by the setting's name.
	Flags map[string]string
	// KeysOptional is for commands that open no config token: no key is then no problem.
	KeysOptional bool
}

// Load reads a configuration. The warnings are for an operator to read; the error is a [Problems] that holds all
// that is wrong. Relative paths in the file are relative to the file. With an error, the Config still holds what
// could be read.
func Load(s Sources) (c *Config, warnings Problems, err error) {
	l := loader{c: defaults(), keysOptional: s.KeysOptional}
	l.settings = settings(l.c)
	env := environment(s.Env)
	path := s.File
	if path == "" {
		path = env["EAS_CONFIG_FILE"]
	}
	if path != "" {
		l.file(path)
	}
	l.env(env)
	l.flags(s.Flags)
	l.nodeCA(s.Env)
	l.check()
	return l.c, l.warnings, l.problems.err()
}

type loader struct {
	c        *Config
	settings []setting // of c
	problems Problems
	warnings Problems

	keysOptional bool
}

// listHint is for a name that is like none of ours.
const listHint = "`easgate config show` lists every setting"

// problem notes err; its own hint is better than the general one.
func (l *loader) problem(source string, err error, hint string) {
	hint = cmp.Or(problem.HintOf(err), hint)
	l.problems = append(l.problems, Problem{source, err, hint})
}

func (l *loader) warn(source, text, hint string) {
	l.warnings = append(l.warnings, Problem{source, errors.New(text), hint})
}

func environment(list []string) map[string]string {
	env := map[string]string{}
	for _, kv := range list {
		if name, v, ok := strings.Cut(kv, "="); ok && v != "" && strings.HasPrefix(name, "EAS_") {
			env[name] = v
		}
	}
	return env
}

// exclusive are settings that say the same thing in two ways: the higher layer's way replaces the other.
var exclusive = map[string]string{"keyring": keyringFile, keyringFile: "keyring"}

// a layer is one of file, environment and flags; it complains of what is given twice within.
type layer struct {
	l    *loader
	seen map[string]string
}

func (l *loader) layer() layer { return layer{l, map[string]string{}} }

func (y layer) set(name, source string, do func() error) {
	before, ok := y.seen[name]
	if other := y.seen[exclusive[name]]; !ok && other != "" {
		before, ok = other, true
	}
	if ok {
		y.l.problem(source, fmt.Errorf("%s is given too", before), "keep one of the two")
		return
	}
	y.seen[name] = source
	if err := do(); err != nil {
		y.l.problem(source, err, "")
		return
	}
	y.l.c.origin[name] = source
	if s, _, ok := find(y.l.settings, exclusive[name]); ok {
		_ = s.value.set("") // text, which takes anything
		delete(y.l.c.origin, s.name)
	}
}

func (l *loader) file(path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		l.problem(path, pathless(err), "--config and EAS_CONFIG_FILE name a YAML file")
		return
	}
	l.c.file, l.c.text = path, content
	members, err := document.Members(content)
	if err != nil {
		var at *document.Error
		if errors.As(err, &at) {
			path, err = fmt.Sprintf("%s:%d:%d", path, at.Line, at.Column), at.Err
		}
		l.problem(path, err, "")
		return
	}
	y := l.layer()
	for _, m := range members {
		source := fmt.Sprintf("%s:%d:%d", path, m.Key.Line, m.Key.Column)
		s, twin, ok := find(l.settings, m.Name)
		if !ok {
			l.problem(source, problem.Unknown("setting", m.Name, names()...), listHint)
			continue
		}
		source = fmt.Sprintf("%s:%d:%d: %s", path, m.At.Line, m.At.Column, m.Name)
		y.set(s.name, source, func() error {
			if !twin {
				if err := s.value.fromFile(m.Value); err != nil {
					return err
				}
				l.relative(s, filepath.Dir(path))
				return nil
			}
			var file string
			if err := text(&file, "a file").fromFile(m.Value); err != nil {
				return err
			}
			return l.secretFrom(s, relativeTo(filepath.Dir(path), file))
		})
	}
}

// relative makes a file's name in the configuration file relative to that file, wherever easgate is started.
func (l *loader) relative(s setting, dir string) {
	if p := s.value.path; p != nil {
		*p = relativeTo(dir, *p)
	}
}

func relativeTo(dir, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}

func (l *loader) env(env map[string]string) {
	y := l.layer()
	for _, s := range l.settings {
		if v, ok := env[s.env()]; ok {
			y.set(s.name, s.env(), func() error { return s.value.set(v) })
		}
		if v, ok := env[s.env()+"_FILE"]; ok && s.hasTwin() {
			y.set(s.name, s.env()+"_FILE", func() error { return l.secretFrom(s, v) })
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		_, _, ok := find(l.settings, strings.ToLower(strings.TrimPrefix(name, "EAS_")))
		if ok || name == "EAS_CONFIG_FILE" || fromKubernetes(name, env[name]) {
			continue
		}
		hint := problem.HintOf(problem.Unknown("setting", name, envNames()...))
		l.warn(name, "no setting of that name", cmp.Or(hint, listHint))
	}
}

// nodeCA takes over what external-auth-server, a program in Node.js, was told.
func (l *loader) nodeCA(env []string) {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, nodeExtraCA+"="); ok && v != "" && l.c.origin["ca_file"] == "" {
			l.c.CAFile, l.c.origin["ca_file"] = v, nodeExtraCA
		}
	}
}

// fromKubernetes recognises the variables that Kubernetes sets for a Service named eas or eas-something.
func fromKubernetes(name, value string) bool {
	return strings.Contains(name, "_SERVICE_") || strings.Contains(name, "_PORT_") ||
		strings.HasPrefix(value, "tcp://") || strings.HasPrefix(value, "udp://")
}

func (l *loader) flags(given map[string]string) {
	y := l.layer()
	for _, s := range l.settings {
		if v, ok := given[s.name]; ok {
			y.set(s.name, "--"+s.flag(), func() error { return s.value.set(v) })
		}
	}
}

func (l *loader) secretFrom(s setting, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, pathless(err))
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return fmt.Errorf("%s: the file is empty", path)
	}
	return s.value.set(secret)
}

// hasTwin reports whether NAME_file is read by the loader. The keyring's file is a setting of its own, because it is
// read again while easgate runs. Stores hold passwords of databases.
func (s setting) hasTwin() bool {
	return s.value.secret && s.name != "keyring" || s.name == "config_token_stores" || s.name == "store_opts"
}

// find returns the setting that name stands for; twin says that name is its NAME_file.
func find(table []setting, name string) (s setting, twin, ok bool) {
	for _, s := range table {
		if s.name == name {
			return s, false, true
		}
		if s.hasTwin() && s.name+twinSuffix == name {
			return s, true, true
		}
	}
	return setting{}, false, false
}

func names() []string {
	var out []string
	for _, s := range settings(defaults()) {
		out = append(out, s.name)
		if s.hasTwin() {
			out = append(out, s.name+twinSuffix)
		}
	}
	return out
}

func envNames() []string {
	out := names()
	for i, n := range out {
		out[i] = "EAS_" + strings.ToUpper(n)
	}
	return out
}

// pathless drops the operation and the path from a file error, for messages that name the file already.
func pathless(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

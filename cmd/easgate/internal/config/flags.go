package config

import (
	"slices"

	"github.com/spf13/pflag"
)

// AddFlags adds the flags of the named settings to fs, of all settings without names. What is given on the command
// line ends up in into, by the setting's name, for [Sources]. Secrets have no flags.
func AddFlags(fs *pflag.FlagSet, into map[string]string, names ...string) {
	for _, s := range table {
		if s.secret() || s.later || (len(names) > 0 && !slices.Contains(names, s.name)) {
			continue
		}
		v := s.value(defaults())
		f := fs.VarPF(&flagValue{into: into, name: s.name, text: v.show()}, s.flag(), "", usageOf(s, v))
		if _, ok := v.(boolValue); ok {
			f.NoOptDefVal = "true"
			if v.show() == "false" {
				f.DefValue = ""
			}
		}
	}
}

// usageOf is the doc, with the words that are accepted where there are only a few.
func usageOf(s setting, v value) string {
	switch v.(type) {
	case enumValue, profileValue, levelValue, listValue:
		return plain(s.doc) + ": " + v.kind()
	}
	return plain(s.doc)
}

// flagValue keeps a flag's text until the layers below it have been read.
type flagValue struct {
	into       map[string]string
	name, text string
}

func (f *flagValue) Set(text string) error { f.into[f.name], f.text = text, text; return nil }
func (f *flagValue) String() string        { return f.text }

// Type is the word that stands for the value in help texts.
func (f *flagValue) Type() string {
	s, _, _ := find(f.name)
	switch s.value(&Config{}).(type) {
	case boolValue:
		return "bool"
	case portValue:
		return "port"
	case durationValue:
		return "time"
	case listValue, proxiesValue:
		return "list"
	case documentValue:
		return "yaml"
	}
	if t, ok := s.value(&Config{}).(textValue); ok && t.k == "a file" {
		return "file"
	}
	return "text"
}

package config

import (
	"slices"

	"github.com/spf13/pflag"
)

// AddFlags adds the flags of the named settings to fs, of all settings without names. What is given on the command
// line ends up in into, by the setting's name, for [Sources]. Secrets have no flags.
func AddFlags(fs *pflag.FlagSet, into map[string]string, names ...string) {
	for _, s := range settings(defaults()) {
		if !s.hasFlag() || (len(names) > 0 && !slices.Contains(names, s.name)) {
			continue
		}
		usage := plain(s.doc)
		if s.value.few {
			usage += ": " + s.value.kind
		}
		v := &flagValue{into: into, name: s.name, text: s.value.show(), word: s.value.word}
		f := fs.VarPF(v, s.flag(), "", usage)
		if v.word == "bool" {
			f.NoOptDefVal = "true"
			if v.text == "false" {
				f.DefValue = ""
			}
		}
	}
}

// flagValue keeps a flag's text until the layers below it have been read.
type flagValue struct {
	into             map[string]string
	name, text, word string
}

func (f *flagValue) Set(text string) error { f.into[f.name], f.text = text, text; return nil }
func (f *flagValue) String() string        { return f.text }

// Type is the word that stands for the value in help texts.
func (f *flagValue) Type() string { return f.word }

// Command jsbundle makes the JavaScript that internal/query/sandbox embeds: one file a query language, from
// the npm packages that package-lock.json pins. Run build.sh, which installs them first.
//
// Each file is one expression, a function (Function) => exports: whoever evaluates it decides what the
// library gets as the Function constructor.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	out := flag.String("out", "", "folder for the bundles")
	flag.Parse()
	if *out == "" {
		flag.Usage()
		os.Exit(2)
	}
	for _, lang := range []string{"jsonpath", "jsonata", "handlebars"} {
		if err := bundle(lang, *out); err != nil {
			fmt.Fprintf(os.Stderr, "error: %s: %v\nhint: run tools/jsbundle/build.sh, which installs the npm packages first\n",
				lang, err)
			os.Exit(1)
		}
	}
}

func bundle(lang, out string) error {
	r := api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Join("entry", lang+".js")},
		Outfile:     filepath.Join(out, lang+".js"),
		Bundle:      true,
		Write:       true,
		Format:      api.FormatIIFE,
		Platform:    api.PlatformNeutral,
		// The packages are CommonJS; "browser" fields lead to bundles of their own.
		MainFields:       []string{"main"},
		GlobalName:       "bundle",
		Target:           api.ES2022,
		MinifyWhitespace: true,
		MinifySyntax:     true,
		LegalComments:    api.LegalCommentsEndOfFile,
		Banner:           map[string]string{"js": "(function(Function){"},
		Footer:           map[string]string{"js": "return bundle;})"},
		Plugins:          []api.Plugin{{Name: "node", Setup: node}},
		LogLevel:         api.LogLevelWarning,
	})
	if len(r.Errors) > 0 {
		return fmt.Errorf("%d errors", len(r.Errors))
	}
	return nil
}

// node stands in for what the packages expect of node.
func node(b api.PluginBuild) {
	b.OnResolve(api.OnResolveOptions{Filter: `^(fs|path|module|util|url|source-map)$`},
		func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: a.Path, Namespace: "empty"}, nil
		})
	b.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "empty"}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
		nothing := "module.exports = {}"
		return api.OnLoadResult{Contents: &nothing}, nil
	})
	b.OnResolve(api.OnResolveOptions{Filter: `^assert$`}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
		p, err := filepath.Abs("entry/assert.js")
		return api.OnResolveResult{Path: p}, err
	})
	b.OnLoad(api.OnLoadOptions{Filter: `jsonpath.lib.aesprim\.js$`}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
		s, err := aesprim()
		return api.OnLoadResult{Contents: &s}, err
	})
	b.OnLoad(api.OnLoadOptions{Filter: `jsonata.jsonata\.js$`}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		s, err := hostless(a.Path)
		return api.OnLoadResult{Contents: &s}, err
	})
}

var (
	asynchronous = regexp.MustCompile(`\basync\s+(function\b|\()|\bawait\s+`)
	allOf        = regexp.MustCompile(`\bPromise\.all\(`)
	hook         = regexp.MustCompile(
		`\b\w+\.lookup\(Symbol\.for\('jsonata\.__(evaluate_entry|evaluate_exit|createFrame_push)'\)\)`)
	leftover = regexp.MustCompile(`\basync\s+(function\b|\(|\w+\s*=>)|\bawait\b|\bnew Promise\b|\bPromise\.`)
	comment  = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
)

// hostless is jsonata without what it does for the sake of its host: it is asynchronous for functions that a host
// registers and that are, and it looks for the host's hooks at every step. There are none here, and they took most of
// the time of an evaluation.
func hostless(path string) (string, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	src = asynchronous.ReplaceAll(src, []byte("$1"))
	src = allOf.ReplaceAll(src, []byte("("))
	if n := len(hook.FindAllIndex(src, -1)); n != 3 {
		return "", fmt.Errorf("jsonata: %d hooks found, want 3", n)
	}
	src = hook.ReplaceAll(src, []byte("undefined"))
	if rest := leftover.Find(comment.ReplaceAll(src, nil)); rest != nil {
		return "", fmt.Errorf("jsonata: %q is left", rest)
	}
	return string(src), nil
}

var identifierStart = regexp.MustCompile(`(function isIdentifierStart\(ch\) \{\s+return)`)

// aesprim is what jsonpath's lib/aesprim.js makes when node runs it: esprima with @ as an identifier.
func aesprim() (string, error) {
	src, err := os.ReadFile("node_modules/esprima/esprima.js")
	if err != nil {
		return "", err
	}
	if n := len(identifierStart.FindAllIndex(src, -1)); n != 1 {
		return "", fmt.Errorf("esprima: isIdentifierStart found %d times", n)
	}
	return string(identifierStart.ReplaceAll(src, []byte("$1 (ch == 0x40) || "))), nil
}

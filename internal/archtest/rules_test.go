package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// module is the prefix of our own import paths.
const module = "github.com/easgate/easgate/"

// A rule says which of our own packages the packages that match who may import, and why no others.
// Patterns are those of path.Match, over paths inside the module. The first rule that matches counts.
type rule struct {
	who string
	may []string
	why string
}

// A library is a module of others that only some packages may import.
type library struct {
	prefix string
	only   []string
	why    string
}

// violations returns what pkg, a path inside the module, must not import of imports, each with the reason.
// A package that no rule names is a violation of its own: new parts of the house say where they stand.
func violations(rules []rule, libraries []library, pkg string, imports []string) []string {
	i := slices.IndexFunc(rules, func(r rule) bool { return match(r.who, pkg) })
	if i < 0 {
		return []string{fmt.Sprintf("%s: no rule says what it may import: add one to the table", pkg)}
	}
	var bad []string
	for _, imp := range imports {
		if own, ok := strings.CutPrefix(imp, module); ok {
			may := slices.Concat(floor, rules[i].may)
			if !slices.ContainsFunc(may, func(may string) bool { return match(may, own) }) {
				bad = append(bad, fmt.Sprintf("%s imports %s: %s", pkg, own, rules[i].why))
			}
			continue
		}
		for _, l := range libraries {
			if within(l.prefix, imp) && !slices.ContainsFunc(l.only, func(only string) bool { return match(only, pkg) }) {
				bad = append(bad, fmt.Sprintf("%s imports %s: %s", pkg, imp, l.why))
			}
		}
	}
	return bad
}

// unused returns what of the tables binds or allows nothing. imports are those of every package of the module.
func unused(rules []rule, floor []string, libraries []library, imports map[string][]string) []string {
	var all []string
	// uses reports whether a package that who is true of imports a path that what is true of.
	uses := func(who, what func(string) bool) bool {
		for pkg, paths := range imports {
			if who(pkg) && slices.ContainsFunc(paths, what) {
				return true
			}
		}
		return false
	}
	matching := func(pattern string) func(string) bool {
		return func(pkg string) bool { return match(pattern, pkg) }
	}
	own := func(pattern string) func(string) bool {
		return func(imp string) bool { pkg, ok := strings.CutPrefix(imp, module); return ok && match(pattern, pkg) }
	}
	anyone := func(string) bool { return true }
	for i, r := range rules {
		bound := func(pkg string) bool {
			return slices.IndexFunc(rules, func(r rule) bool { return match(r.who, pkg) }) == i
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(imports)), bound) {
			all = append(all, fmt.Sprintf("the rule for %s: it binds no package", r.who))
			continue
		}
		for _, may := range r.may {
			if !uses(bound, own(may)) {
				all = append(all, fmt.Sprintf("the rule for %s: nothing uses its allowance of %s", r.who, may))
			}
		}
	}
	for _, f := range floor {
		if !uses(anyone, own(f)) {
			all = append(all, fmt.Sprintf("the floor: nothing imports %s", f))
		}
	}
	for _, l := range libraries {
		for _, only := range l.only {
			if !uses(matching(only), func(imp string) bool { return within(l.prefix, imp) }) {
				all = append(all, fmt.Sprintf("the library %s: nothing uses its allowance for %s", l.prefix, only))
			}
		}
	}
	return all
}

// match reports whether pkg matches pattern; "x/..." is x and everything below it.
func match(pattern, pkg string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(tree, pkg)
	}
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}

func within(prefix, p string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

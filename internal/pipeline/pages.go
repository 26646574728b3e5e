package pipeline

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/easgate/easgate/plugins"
)

// pages returns the pages of p, those of the first steps first.
func (c *compilation) pages(steps []step) (all []plugins.Page) {
	for i := range steps {
		source, ok := steps[i].plugin.(plugins.Pages)
		if !ok {
			continue
		}
		for _, page := range source.Pages() {
			if page.Method == "" {
				page.Method = http.MethodGet
			}
			same := func(p plugins.Page) bool { return p.Method == page.Method && p.Path == page.Path }
			if slices.ContainsFunc(all, same) {
				err := fmt.Errorf("%s: another plugin has the page %s %s", steps[i].kind, page.Method, page.Path)
				c.complain(fmt.Sprintf("plugins[%d]", i), err)
				continue
			}
			all = append(all, page)
		}
	}
	return all
}

// Page returns the page at path for a method, nil for none, and then which methods there are at that path, "" for no
// page.
func (p *Pipeline) Page(method, path string) (page *plugins.Page, allowed string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var methods []string
	for i := range p.pages {
		page := &p.pages[i]
		switch {
		case page.Path != path:
		case page.Method == method:
			return page, ""
		case page.Method == http.MethodGet:
			methods = append(methods, http.MethodGet, http.MethodHead)
		default:
			methods = append(methods, page.Method)
		}
	}
	return nil, strings.Join(methods, ", ")
}

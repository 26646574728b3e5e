package config

import (
	"fmt"
	"strings"
)

// Reference returns the table of settings in Markdown, for docs/configuration.md.
func Reference() string {
	var b strings.Builder
	group := ""
	for _, s := range settings(defaults()) {
		if s.group != group {
			group = s.group
			fmt.Fprintf(&b, "\n### %s\n\n| variable | flag | takes | default | |\n|---|---|---|---|---|\n", group)
		}
		env := "`" + s.env() + "`"
		if s.hasTwin() {
			env += "<br>`…_FILE`"
		}
		flag := ""
		if s.hasFlag() {
			flag = "`--" + s.flag() + "`"
		}
		initial := s.value.show()
		if initial == "false" {
			initial = ""
		}
		if initial != "" {
			initial = "`" + strings.ReplaceAll(initial, ",", " ") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", env, flag, s.value.kind, initial, s.doc)
	}
	return b.String()
}

// plain takes Markdown's marks out of a text for the terminal, and begins it in lower case.
func plain(doc string) string {
	doc = strings.TrimSuffix(strings.ReplaceAll(doc, "`", "'"), ".")
	if len(doc) > 1 && doc[1] >= 'a' && doc[1] <= 'z' {
		doc = strings.ToLower(doc[:1]) + doc[1:]
	}
	return doc
}

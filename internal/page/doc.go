// Package page has what people see of easgate: one layout, one style sheet, and the few messages that are not a
// plugin's own, such as a login that failed, in several languages. Programs that ask for JSON get the same as JSON.
//
//	page.Message{Status: 403, Reason: page.Denied, DecisionID: id}.Write(w, r)
//
// A plugin, which holds no ResponseWriter, takes header and body from [Message.Render]; a page of its own puts its
// content into a [Document]. Pages have no script, and load nothing. What they say stands in strings.json, where a
// language is one more member. Who may see a page is decided elsewhere.
package page

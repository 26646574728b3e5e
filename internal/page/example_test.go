package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/easgate/easgate/internal/page"
)

func ExampleMessage() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	page.Message{Status: http.StatusForbidden, Reason: page.Denied, DecisionID: "8d2f-1"}.Write(w, r)
	fmt.Print(w.Body)
	// Output:
	// {"type":"about:blank","title":"Access denied","status":403,"detail":"You are not allowed to see this page.","reason":"denied","decision":"8d2f-1"}
}

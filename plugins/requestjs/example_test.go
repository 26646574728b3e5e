package requestjs_test

import (
	"errors"
	"fmt"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/requestjs"
)

// Scripts work only where the operator allows them.
func Example() {
	_, err := requestjs.New(requestjs.Config{Snippet: "res.statusCode = 200"}, plugins.Env{})
	fmt.Println(errors.Is(err, plugins.ErrDisabled))
	// Output: true
}

package jsregexp_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/internal/query/jsregexp"
)

func Example() {
	re, err := jsregexp.Compile(`/^(?!\/admin).*$/`)
	if err != nil {
		fmt.Println(err)
		return
	}
	ok, err := re.Match(context.Background(), "/reports")
	fmt.Println(ok, err)
	// Output: true <nil>
}

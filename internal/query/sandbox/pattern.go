package sandbox

import (
	"context"

	"github.com/easgate/easgate/internal/query"
)

// CompilePattern compiles a JavaScript regular expression (ES2023). The query's data is a text; its value says whether
// the expression matches somewhere in it.
func (s *Sandbox) CompilePattern(expr, flags string) (query.Query, error) {
	src, err := s.compile(context.Background(), pattern, literal(expr, flags))
	return compiled{s.pools[pattern], src}, err
}

// Pattern is CompilePattern for what is known to be a regular expression: a VM compiles it with the first text.
func (s *Sandbox) Pattern(expr, flags string) query.Query {
	return compiled{s.pools[pattern], s.source(literal(expr, flags))}
}

func literal(expr, flags string) string { return query.JSON([]any{expr, flags}) }

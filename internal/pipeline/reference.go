package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// A Selector finds the token for a request: by a fixed reference, or by queries on the request.
type Selector struct {
	Reference
	// Queries, if not nil, give the ids that Reference leaves empty.
	Queries *Queries
}

// Queries find the ids of a pointer in a request; nil for one that is not to be found so.
type Queries struct{ StoreID, TokenID query.Query }

// errQueryResult denies: an object or a list as an id is a sign of a query that looked at the wrong thing.
var errQueryResult = errors.New("want a string or a number")

// Resolve returns the reference for r.
func (s *Selector) Resolve(ctx context.Context, r *plugins.Request) (Reference, error) {
	ref := s.Reference
	if ref.Token != "" || s.Queries == nil {
		return ref, nil
	}
	data := query.NewObject(3)
	data.Set("req", r.Source.Req())
	data.Set("parentRequestInfo", r.Source.Parent())
	data.Set("parentReqInfo", r.Source.Parent())
	if err := pick(ctx, &ref.Pointer.TokenID, s.Queries.TokenID, data); err != nil {
		return ref, fmt.Errorf("config_token_id_query: %w", err)
	}
	if err := pick(ctx, &ref.Pointer.StoreID, s.Queries.StoreID, data); err != nil {
		return ref, fmt.Errorf("config_token_store_id_query: %w", err)
	}
	return ref, nil
}

func pick(ctx context.Context, id *string, q query.Query, data query.Value) error {
	if *id != "" || q == nil {
		return nil
	}
	v, err := q.Eval(ctx, data)
	if err != nil {
		return err
	}
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	switch v := v.(type) {
	case string:
		*id = v
	case float64:
		*id = query.Number(v)
	default:
		return errQueryResult
	}
	return nil
}

package login

import (
	"context"
	"encoding/json"

	"github.com/easgate/easgate/internal/oauthflow"
)

// A Kind is what oidc and oauth2 do differently.
type Kind interface {
	// Check verifies tokens that the provider gave, and says whom they are about. A [*Refusal] is about the tokens; any
	// other error is a failure of ours or the provider's.
	Check(ctx context.Context, t *oauthflow.Tokens, want Expected) (Person, error)
	// Userinfo asks the provider whom t is about, and returns a JSON object, and the person as far as that says more than
	// p, whom Check found. A [*Refusal] says that the provider does not take t any more, or speaks of somebody else.
	Userinfo(ctx context.Context, t *oauthflow.Tokens, p Person) (json.RawMessage, Person, error)
}

// Expected is what tokens must be like.
type Expected struct {
	// Nonce is the ID token's; "" when tokens were refreshed, or the login was begun without one.
	Nonce string
	// Subject is whom refreshed tokens must be about; "" for a new login.
	Subject string
}

// A Person is who logged in.
type Person struct {
	// Issuer vouches for Subject. SID is the provider's own session, where it says so.
	Issuer  string `json:"iss,omitempty"`
	Subject string `json:"sub,omitempty"`
	SID     string `json:"sid,omitempty"`
	// Expires is when the ID token ends, in seconds since 1970; 0 when nothing says so.
	Expires int64 `json:"exp,omitempty"`
}

// A Refusal says why tokens are not good for a login. It holds no token.
type Refusal struct{ Why string }

func (r *Refusal) Error() string { return r.Why }

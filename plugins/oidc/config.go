package oidc

import (
	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/login"
)

// Config is the configuration of the oidc plugin.
type Config struct {
	login.Config
	// Nonce binds an ID token to the attempt that it is for.
	Nonce login.Switch `json:"nonce,omitzero"`
	// ACRValues are authentication contexts of which a login must have one. A login without is repeated with them, and a
	// program is told so (RFC 9470).
	ACRValues []string `json:"acr_values,omitempty"`
	// MaxAge is how many seconds ago the person may have authenticated. An older login is repeated.
	MaxAge *int64 `json:"max_age,omitempty"`
	// Features say what a session is like.
	Features login.Features `json:"features,omitzero"`
	// Assertions are what a login must be like besides, or it is denied with 403.
	Assertions Assertions `json:"assertions,omitzero"`
}

// Assertions are rules, and checks that are always made when somebody logs in or tokens are refreshed.
type Assertions struct {
	// Exp ends a session whose tokens have expired and cannot be refreshed. Default true.
	Exp *bool `json:"exp,omitempty"`
	// Nbf is always checked.
	Nbf *bool `json:"nbf,omitempty"`
	// Iss is always checked.
	Iss *bool `json:"iss,omitempty"`
	// Aud is always checked.
	Aud *bool `json:"aud,omitempty"`
	// Sig is always checked.
	Sig *bool `json:"sig,omitempty"`
	// IDToken rules see the claims of the ID token.
	IDToken assertion.Rules `json:"id_token,omitempty"`
	// AccessToken rules see the claims of the access token, if it is a JWT.
	AccessToken assertion.Rules `json:"access_token,omitempty"`
	// UserInfo rules see the answer of the userinfo endpoint.
	UserInfo assertion.Rules `json:"userinfo,omitempty"`
}

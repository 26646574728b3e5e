package oauthflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// An Error is a provider that did not do what it was asked to. It holds no token and no secret.
type Error struct {
	// Endpoint is what was asked, as metadata name it: "token_endpoint".
	Endpoint string
	// Status is the answer's; 0 when there was none.
	Status int
	// Code is the answer's error (RFC 6749 §5.2); "" when it has none.
	Code string
	// What happened, in a few words.
	What string
	// Remedy says what the operator can do about it; "" when nobody knows.
	Remedy string
	// Err is what the transport said, if it did.
	Err error
}

func (e *Error) Error() string {
	text := e.Endpoint + ": " + e.What
	if e.Remedy != "" {
		text += " (" + e.Remedy + ")"
	}
	return text
}

// Unwrap returns what the transport said.
func (e *Error) Unwrap() error { return e.Err }

// Refused reports whether the provider does not take a code or refresh token any more, which only a new login mends.
// bad_verification_code and its kin are GitHub's; Entra ID and Auth0 want to see the person with the next five.
func (e *Error) Refused() bool {
	switch e.Code {
	case "invalid_grant", "bad_verification_code", "bad_refresh_token",
		"interaction_required", "login_required", "consent_required", "mfa_required", "access_denied":
		return true
	}
	return false
}

// remedies are for the errors of RFC 6749 §5.2 and others that providers send.
var remedies = map[string]string{
	"invalid_client":               "check client_id, client_secret and token_endpoint_auth_method",
	"incorrect_client_credentials": "check client_id and client_secret",
	"unauthorized_client": "the provider does not allow this client what it asks for: check the client's " +
		"grant types there",
	"redirect_uri_mismatch":  "register the redirect_uri with the provider, letter by letter",
	"invalid_scope":          "check scopes",
	"unsupported_grant_type": "allow the client this grant type at the provider",
	"invalid_request": "the provider misses a parameter or does not know one: check custom parameters and " +
		"PKCE",
	"temporarily_unavailable": "the provider asks to come back later",
}

// unreachable is the error of a request without an answer.
func unreachable(endpoint string, err error) *Error {
	e := &Error{Endpoint: endpoint, What: err.Error(), Err: err}
	var timeout net.Error
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		e.Remedy = "the name cannot be resolved from here: check the URL and DNS"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.What = "no answer in time"
		e.Remedy = "the provider is slow or cannot be reached from here: check the URL, firewalls and proxies"
	case strings.Contains(err.Error(), "redirect"):
		e.Remedy = "write the URL that it leads to, if that is the provider's"
	default:
		e.Remedy = "the provider cannot be reached from here: check the URL, certificates, firewalls and proxies"
	}
	return e
}

// answered makes an error of an answer that is none; nil for a success.
func answered(endpoint string, status int, mediaType string, body []byte) *Error {
	var said struct {
		Error json.RawMessage `json:"error"`
	}
	isJSON := json.Unmarshal(body, &said) == nil
	var code string
	_ = json.Unmarshal(said.Error, &code)
	e := &Error{Endpoint: endpoint, Status: status, Code: word(code)}
	switch {
	case status >= 300 && status <= 399:
		e.What, e.Remedy = fmt.Sprintf("status %d, a redirect", status),
			"write the URL that it leads to, if that is the provider's"
	case e.Code != "":
		e.What, e.Remedy = fmt.Sprintf("status %d, %s", status, e.Code), remedies[e.Code]
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.What = fmt.Sprintf("status %d", status)
	case status == http.StatusNotFound || !isJSON && mediaType == "text/html":
		e.What = fmt.Sprintf("status %d, %s instead of JSON", status, said2(mediaType))
		e.Remedy = "this is not the endpoint: check the issuer's URLs"
	case status != http.StatusOK:
		e.What = fmt.Sprintf("status %d", status)
	default:
		return nil
	}
	return e
}

func said2(mediaType string) string {
	if mediaType == "" {
		return "something"
	}
	return fmt.Sprintf("%.64s", mediaType)
}

// word returns s if it is an error code; what is none may hold anything.
func word(s string) string {
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && r != '_' && r != '.' && (r < '0' || r > '9') && r != '-'
	}) {
		return ""
	}
	return s
}

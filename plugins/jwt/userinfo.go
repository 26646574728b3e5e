package jwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/internal/query"
)

// signedAnswers are what userinfo may be signed with. A shared secret is not: the token's could be anybody's.
var signedAnswers = jwtverify.Options{Algorithms: jwtverify.AlgorithmsOf(
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)}

// userinfo asks who token is about (OpenID Connect Core 1.0 §5.3). A [jwtverify.Error] says that the provider does not
// take the token, or speaks of somebody else.
func (p *provider) userinfo(ctx context.Context, token string, t *jwtverify.Token) (query.Value, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkEndpoint("userinfo_endpoint", m.UserinfoEndpoint); err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	v, err := p.userinfos.Ask(ctx, token, func(ctx context.Context) (bearer.Answer, error) {
		o, size, err := p.fetchUserinfo(ctx, m, token, t)
		if err == nil {
			err = p.sameSubject(o, t)
		}
		return bearer.Answer{Value: o, Bytes: size, TTL: p.features.UserinfoExpiry.TTL(t, p.now())}, err
	})
	var refused *jwtverify.Error
	if err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return v, err
}

func (p *provider) fetchUserinfo(
	ctx context.Context, m *metadata, token string, t *jwtverify.Token,
) (o *query.Object, size int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserinfoEndpoint, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json, application/jwt;q=0.9")
	text, mediaType, err := fetch.Do(p.http, req)
	var status *fetch.StatusError
	if errors.As(err, &status) && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden) {
		err = &jwtverify.Error{Name: "invalid_token", Message: "token refused by the userinfo endpoint", Why: status.Error()}
	}
	if err != nil {
		return nil, 0, err
	}
	if mediaType != "application/jwt" {
		o, err := bearer.ParseObject(text, p.native)
		return o, len(text), err
	}
	o, err = p.signedUserinfo(ctx, m, string(text), t)
	return o, len(text), err
}

// signedUserinfo reads userinfo that is a JWT (OpenID Connect Core 1.0 §5.3.2): signed by the issuer, said by it, and
// for the client that the token was issued to. No error of it is about the client's token.
func (p *provider) signedUserinfo(ctx context.Context, m *metadata, answer string,
	t *jwtverify.Token) (*query.Object, error) {
	said, err := p.signed.Verify(ctx, answer)
	var e *jwtverify.Error
	if errors.As(err, &e) {
		return nil, fmt.Errorf("signed answer: %s: %s", e.Message, e.Why)
	}
	if err != nil {
		return nil, err
	}
	issuer := m.Issuer.Issuer
	if issuer == "" {
		issuer = t.Identity.Realm
	}
	if said.Claims["iss"] != issuer {
		return nil, fmt.Errorf("signed answer: not by the issuer %q", issuer)
	}
	if !p.isFor(said.Claims["aud"], t) {
		return nil, errors.New("signed answer: for another client")
	}
	view, err := p.signed.View(said)
	if err != nil {
		return nil, err
	}
	o, ok := view.(*query.Object)
	if !ok {
		return nil, errors.New("signed answer: not an object")
	}
	return o, nil
}

// isFor reports whether aud names us, or the client that t was issued to (azp, or RFC 9068's client_id).
func (p *provider) isFor(aud any, t *jwtverify.Token) bool {
	list, ok := aud.([]any)
	if !ok {
		list = []any{aud}
	}
	clients := []string{p.clientID}
	for _, name := range []string{"azp", "client_id"} {
		id, _ := t.Claims[name].(string)
		clients = append(clients, id)
	}
	clients = slices.DeleteFunc(clients, func(id string) bool { return id == "" })
	return slices.ContainsFunc(list, func(a any) bool {
		id, _ := a.(string)
		// Where nobody says who the client is, it must be somebody all the same.
		return slices.Contains(clients, id) || len(clients) == 0 && id != ""
	})
}

// sameSubject refuses userinfo about somebody else than the token is about: whoever can swap tokens on the way could be
// anybody (OpenID Connect Core 1.0 §5.3.2). External-auth-server does not compare; under its tokens userinfo may do
// without a sub.
func (p *provider) sameSubject(o *query.Object, t *jwtverify.Token) error {
	want := t.Identity.Subject
	got, there := o.Get("sub")
	if want == "" || got == want || !there && !p.native {
		return nil
	}
	subject, _ := got.(string)
	why := fmt.Sprintf("sub %.128q, want %.128q", subject, want)
	return &jwtverify.Error{Name: "invalid_token", Message: "userinfo is not about the token's subject", Why: why}
}

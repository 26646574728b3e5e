package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/bcrypt"
)

// A scenario is one kind of request that easgate allows.
type scenario struct {
	name string
	// atLeast is the ratio to the echo handler that the project promises.
	atLeast float64
	// token is the config token's "eas" claim.
	token func() (map[string]any, error)
	// stored puts the token into the store and asks with a pointer token.
	stored bool
	// headers are the client's own.
	headers map[string]string
	// jwt, if not empty, is the algorithm of the token in the client's Authorization header; token is not used then.
	jwt jose.SignatureAlgorithm
}

var scenarios = []scenario{
	{name: "stateless token, noop", atLeast: 0.80, token: noop},
	{name: "stateless token, request_header", atLeast: 0.80, token: requestHeader, headers: map[string]string{"X-Api-Key": "k1"}},
	{name: "stateless token, htpasswd (bcrypt, cost 10)", atLeast: 0.80, token: htpasswd, headers: map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:correct horse"))}},
	{name: "pointer token, SQLite store with cache_ttl, noop", atLeast: 0.80, token: noop, stored: true},
	{name: "jwt, HS256, the same one each time", atLeast: 0.70, jwt: jose.HS256},
	{name: "jwt, RS256, the same one each time", atLeast: 0.70, jwt: jose.RS256},
	{name: "jwt, ES256, the same one each time", atLeast: 0.70, jwt: jose.ES256},
	{name: "a rule and a header by jsonpath", atLeast: 0.70, token: asked("jp", "$.req.headers.host", "$.parsedUri.path")},
	{name: "a rule and a header by jq", atLeast: 0.60, token: asked("jq", ".req.headers.host", ".parsedUri.path")},
	{name: "a rule by JSONata", atLeast: 0.10, token: asked("jsonata", "$lowercase(req.headers.host)", "")},
}

func noop() (map[string]any, error) {
	return plugin(map[string]any{"type": "noop"}), nil
}

func requestHeader() (map[string]any, error) {
	return plugin(map[string]any{"type": "request_header", "headers": map[string]any{"X-Api-Key": "k1"}}), nil
}

func htpasswd() (map[string]any, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), 10)
	if err != nil {
		return nil, err
	}
	return plugin(map[string]any{"type": "htpasswd", "realm": "bench", "htpasswd": "alice:" + string(hash)}), nil
}

// asked is a token with a skip rule that does not hold, and, if header is not empty, a header from the parent request.
func asked(engine, rule, header string) func() (map[string]any, error) {
	return func() (map[string]any, error) {
		eas := plugin(map[string]any{"type": "noop", "pcb": map[string]any{"skip": []any{map[string]any{
			"query_engine": engine, "query": rule, "rule": map[string]any{"method": "eq", "value": "elsewhere.example.com"},
		}}}})
		if header != "" {
			eas["custom_service_headers"] = map[string]any{"X-Path": map[string]any{
				"source": "parentRequestInfo", "query_engine": engine, "query": header, "query_opts": map[string]any{"single_value": true},
			}}
		}
		return eas, nil
	}
}

// withJWT returns s with a key in its config token and a JWT in the client's header, which is valid for an hour.
func (s scenario) withJWT() (scenario, error) {
	if s.jwt == "" {
		return s, nil
	}
	private, public, err := jwtKeys(s.jwt)
	if err != nil {
		return s, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: s.jwt, Key: private}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return s, err
	}
	claims := fmt.Appendf(nil, `{"iss":"https://issuer.example.com","sub":"alice","aud":"bench","exp":%d}`, time.Now().Add(time.Hour).Unix())
	signed, err := signer.Sign(claims)
	if err != nil {
		return s, err
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return s, err
	}
	s.headers = map[string]string{"Authorization": "Bearer " + compact}
	s.token = func() (map[string]any, error) {
		options := map[string]any{"algorithms": []string{string(s.jwt)}, "audience": "bench", "issuer": "https://issuer.example.com"}
		return plugin(map[string]any{"type": "jwt", "config": map[string]any{"secret": public, "options": options}}), nil
	}
	return s, nil
}

// jwtKeys makes a key for alg, and what the config token needs of it.
func jwtKeys(alg jose.SignatureAlgorithm) (private any, public string, err error) {
	var key crypto.Signer
	switch alg {
	case jose.HS256:
		secret := rand.Text() + rand.Text()
		return []byte(secret), secret, nil
	case jose.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("no key for %s", alg)
	}
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

func plugin(p map[string]any) map[string]any { return map[string]any{"plugins": []any{p}} }

// seal seals a config token.
func (b *bench) seal(eas map[string]any) (string, error) {
	claims, err := json.Marshal(map[string]any{"eas": eas})
	if err != nil {
		return "", err
	}
	return b.sealer.Seal(claims)
}

// path makes the verify URL for s.
func (b *bench) path(s scenario) (string, error) {
	eas, err := s.token()
	if err != nil {
		return "", err
	}
	sealed, err := b.seal(eas)
	if err != nil {
		return "", err
	}
	if s.stored {
		if err := b.store.put(pointedAt, sealed); err != nil {
			return "", err
		}
		if sealed, err = b.seal(map[string]any{"config_token_store_id": storeID, "config_token_id": pointedAt}); err != nil {
			return "", err
		}
	}
	return "/verify?proxy=nginx&config_token=" + url.QueryEscape(sealed), nil
}

// storedPath makes the verify URL for the i-th token of the store.
func storedPath(i int) string {
	return fmt.Sprintf("/verify?proxy=nginx&config_token_store_id=%s&config_token_id=%s", storeID, tokenID(i))
}

// forwarded are the headers that nginx adds to each request, by the recipe in nginx/.
var forwarded = map[string]string{
	"X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.com", "X-Forwarded-Uri": "/a/b?x=1", "X-Forwarded-Method": "GET",
	"X-Forwarded-For": "203.0.113.9", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept": "*/*",
}

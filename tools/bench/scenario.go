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
	// atLeast is the ratio to the echo handler that the project promises; 0 promises nothing.
	atLeast float64
	// token is the config token's "eas" claim.
	token func() (map[string]any, error)
	// stored puts the token into the store and asks with a pointer token.
	stored bool
	// headers are the client's own.
	headers map[string]string
	// jwt, if not empty, is the algorithm of the token in the client's Authorization header; token is not used then.
	jwt jose.SignatureAlgorithm
	// fresh is how many JWTs take turns; 0 is the same one each time.
	fresh int
}

// freshTokens is many times what the jwt plugin remembers, so that no signature is found in its memory when the tokens
// come around again.
const freshTokens = 200_000

// scenarios are what is measured with wrk. directory is the URL of an LDAP server in which alice's password is
// "wonderland".
func scenarios(directory string) []scenario {
	return []scenario{
		{name: "stateless token, noop", atLeast: 0.80, token: noop},
		{name: "stateless token, request_header", atLeast: 0.80, token: requestHeader,
			headers: map[string]string{"X-Api-Key": "k1"}},
		{name: "stateless token, htpasswd (bcrypt, cost 10)", atLeast: 0.80, token: htpasswd,
			headers: basic("alice:correct horse")},
		{name: "pointer token, SQLite store with cache_ttl, noop", atLeast: 0.80, token: noop, stored: true},
		{name: "ldap, a login that is remembered", atLeast: 0.75, token: ldapLogin(directory),
			headers: basic("alice:wonderland")},
		{name: "jwt, HS256, the same one each time", atLeast: 0.70, jwt: jose.HS256},
		{name: "jwt, RS256, the same one each time", atLeast: 0.70, jwt: jose.RS256},
		{name: "jwt, ES256, the same one each time", atLeast: 0.70, jwt: jose.ES256},
		{name: "jwt, HS256, a fresh one each time", atLeast: 0.40, jwt: jose.HS256, fresh: freshTokens},
		{name: "a rule and a header by jsonpath", atLeast: 0.70,
			token: asked("jp", "$.req.headers.host", "$.parsedUri.path")},
		{name: "a rule and a header by jq", atLeast: 0.60, token: asked("jq", ".req.headers.host", ".parsedUri.path")},
		{name: "a rule by JSONata", atLeast: 0.10, token: asked("jsonata", "$lowercase(req.headers.host)", "")},
		{name: "a rule by JSONata that needs the sandbox",
			token: asked("jsonata", `$substringBefore(req.headers.host, ":")`, "")},
	}
}

func basic(credentials string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))}
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
				"source": "parentRequestInfo", "query_engine": engine, "query": header,
				"query_opts": map[string]any{"single_value": true},
			}}
		}
		return eas, nil
	}
}

func ldapLogin(url string) func() (map[string]any, error) {
	return func() (map[string]any, error) {
		return plugin(map[string]any{"type": "ldap", "realm": "bench", "session_cache_ttl": 900, "connection": map[string]any{
			"url": url, "bindDN": readerDN, "bindCredentials": readerPassword, "searchBase": "dc=test",
			"searchFilter": "(uid={{username}})",
		}}), nil
	}
}

// withJWT returns s with a key in its config token, and the JWTs for the client's header, which are valid for an hour.
func (s scenario) withJWT() (scenario, []string, error) {
	private, public, err := jwtKeys(s.jwt)
	if err != nil {
		return s, nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: s.jwt, Key: private}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return s, nil, err
	}
	tokens := make([]string, max(1, s.fresh))
	expires := time.Now().Add(time.Hour).Unix()
	for i := range tokens {
		claims := fmt.Appendf(nil, `{"iss":"https://issuer.example.com","sub":"alice","aud":"bench","exp":%d,"jti":"%06d"}`,
			expires, i)
		signed, err := signer.Sign(claims)
		if err != nil {
			return s, nil, err
		}
		if tokens[i], err = signed.CompactSerialize(); err != nil {
			return s, nil, err
		}
	}
	s.headers = map[string]string{"Authorization": "Bearer " + hole}
	s.token = func() (map[string]any, error) {
		options := map[string]any{"algorithms": []string{string(s.jwt)}, "audience": "bench",
			"issuer": "https://issuer.example.com"}
		return plugin(map[string]any{"type": "jwt", "config": map[string]any{"secret": public, "options": options}}), nil
	}
	return s, tokens, nil
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

// load returns the config token's "eas" claim, and the requests with it.
func (s scenario) load(b *bench) (eas map[string]any, l load, err error) {
	var tokens []string
	if s.jwt != "" {
		if s, tokens, err = s.withJWT(); err != nil {
			return nil, load{}, err
		}
	}
	if eas, err = s.token(); err != nil {
		return nil, load{}, err
	}
	sealed, err := b.seal(eas)
	if err != nil {
		return nil, load{}, err
	}
	if s.stored {
		if err := b.store.put(pointedAt, sealed); err != nil {
			return nil, load{}, err
		}
		if sealed, err = b.seal(map[string]any{"config_token_store_id": storeID, "config_token_id": pointedAt}); err != nil {
			return nil, load{}, err
		}
	}
	l = verify(tokenParameter(sealed), s.headers)
	l.fills = tokens
	return eas, l, nil
}

func tokenParameter(sealed string) string { return "config_token=" + url.QueryEscape(sealed) }

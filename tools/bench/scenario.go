package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"

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
}

var scenarios = []scenario{
	{name: "stateless token, noop", atLeast: 0.80, token: noop},
	{name: "stateless token, request_header", atLeast: 0.80, token: requestHeader, headers: map[string]string{"X-Api-Key": "k1"}},
	{name: "stateless token, htpasswd (bcrypt, cost 10)", atLeast: 0.80, token: htpasswd, headers: map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:correct horse"))}},
	{name: "pointer token, SQLite store with cache_ttl, noop", atLeast: 0.80, token: noop, stored: true},
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

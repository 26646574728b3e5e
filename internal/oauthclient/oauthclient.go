package oauthclient

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Ways to authenticate, by their registered names (RFC 7591 §2, OpenID Connect Core 1.0 §9, RFC 8705 §2). Of those with
// TLS the certificate is the HTTP client's; the request names the client.
const (
	Basic         = "client_secret_basic"
	Post          = "client_secret_post"
	SecretJWT     = "client_secret_jwt"
	PrivateKeyJWT = "private_key_jwt"
	TLS           = "tls_client_auth"
	SelfSignedTLS = "self_signed_tls_client_auth"
	None          = "none"
)

// A Method is one of these, as an option.
type Method string

// Enum implements strictjson.Enum.
func (Method) Enum() []string { return methods }

var methods = []string{Basic, Post, SecretJWT, PrivateKeyJWT, TLS, SelfSignedTLS, None}

// Config is what a client has to authenticate with.
type Config struct {
	ID, Secret string
	// Key is a private key, PEM (PKCS #8, PKCS #1, SEC 1) or a JWK.
	Key string
	// Method is one of the methods above; "" to choose what fits Secret, Key and the server.
	Method Method
	// Algorithm signs assertions; "" for the usual one of the key's type.
	Algorithm string
	// AssertionFile holds an assertion that somebody else signs and replaces (RFC 7523 §2.2), such as a workload's
	// identity. It is read at each use, and is instead of Key.
	AssertionFile string
}

// A Client makes requests that are authenticated. It is safe for concurrent use.
type Client struct {
	c    Config
	key  jose.JSONWebKey
	alg  jose.SignatureAlgorithm
	fits []string // the methods that c has the means for, the best first
}

var needs = map[string]string{
	Basic: "client_secret", Post: "client_secret", SecretJWT: "client_secret", PrivateKeyJWT: "private_key",
}

// A Server is what a provider's metadata says about itself (RFC 8414 §2).
type Server struct {
	// Issuer is its name, the audience of assertions; "" for the endpoint itself.
	Issuer string
	// Methods are the ways to authenticate that the endpoint supports; nil when it does not say.
	Methods []string
}

var (
	errMeans     = errors.New("client_secret: want one, private_key or a token_endpoint_auth_method that needs none")
	errAlgorithm = errors.New("token_endpoint_auth_signing_alg: does not suit the key")
)

// New checks that c has what its method needs. Errors name options as RFC 7591 §2 does, and hold no secret.
func New(c Config) (*Client, error) {
	client := &Client{c: c}
	if c.Method != "" && !slices.Contains(methods, string(c.Method)) {
		return nil, fmt.Errorf("token_endpoint_auth_method: want one of %s", strings.Join(methods, ", "))
	}
	if c.ID == "" {
		return nil, errors.New("client_id: required")
	}
	if c.Key != "" || c.AssertionFile != "" {
		client.fits = append(client.fits, PrivateKeyJWT)
	}
	if c.Secret != "" {
		client.fits = append(client.fits, Basic, Post, SecretJWT)
	}
	client.fits = append(client.fits, None, TLS, SelfSignedTLS)
	if c.Method != "" && !slices.Contains(client.fits, string(c.Method)) {
		return nil, fmt.Errorf("token_endpoint_auth_method: %s needs %s", c.Method, needs[string(c.Method)])
	}
	if c.Method == "" && client.fits[0] == None {
		return nil, errMeans
	}
	return client, client.signer()
}

// ID is the client's name.
func (c *Client) ID() string { return c.c.ID }

// signer prepares what signs assertions.
func (c *Client) signer() error {
	var err error
	var suits []jose.SignatureAlgorithm
	switch {
	case c.c.AssertionFile != "":
		if !filepath.IsAbs(c.c.AssertionFile) || c.c.Key != "" {
			return errors.New("assertion_file: want an absolute path, and no private_key beside it")
		}
		return nil
	case c.c.Key != "":
		if c.key, err = parseKey(c.c.Key); err != nil {
			return err
		}
		if suits = algorithmsOf(c.key.Key); suits == nil {
			return errKey
		}
	default:
		c.key.Key, suits = []byte(c.c.Secret), []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}
	}
	c.alg = suits[0]
	if c.c.Algorithm != "" {
		c.alg = jose.SignatureAlgorithm(c.c.Algorithm)
	}
	if !slices.Contains(suits, c.alg) {
		return errAlgorithm
	}
	return nil
}

var (
	errKey       = errors.New("private_key: want PEM or a JWK of an RSA, EC or Ed25519 private key")
	errAssertion = errors.New("client assertion: the key cannot sign it")
)

func parseKey(text string) (jose.JSONWebKey, error) {
	var k jose.JSONWebKey
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		if json.Unmarshal([]byte(text), &k) != nil {
			return k, errKey
		}
		return k, nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return k, errKey
	}
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		k.Key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		k.Key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		k.Key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		err = errKey
	}
	if err != nil {
		return k, errKey
	}
	return k, nil
}

// algorithmsOf returns the algorithms that suit a private key, the usual one first.
func algorithmsOf(key any) []jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.RS384, jose.RS512, jose.PS384, jose.PS512}
	case *ecdsa.PrivateKey:
		return map[int][]jose.SignatureAlgorithm{256: {jose.ES256}, 384: {jose.ES384}, 521: {jose.ES512}}[k.Params().BitSize]
	case ed25519.PrivateKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}
	}
	return nil
}

// Method returns how the client authenticates to a server that supports the methods given, nil when it does not say.
func (c *Client) Method(supported []string) string {
	if c.c.Method != "" {
		return string(c.c.Method)
	}
	for _, m := range c.fits {
		if slices.Contains(supported, m) && m != None {
			return m
		}
	}
	return c.fits[0]
}

// Request returns a request to post form to endpoint, with the client's credentials. form is changed.
func (c *Client) Request(
	ctx context.Context, endpoint string, form url.Values, s Server, now time.Time,
) (*http.Request, error) {
	method := c.Method(s.Methods)
	switch method {
	case Basic:
	case Post:
		form.Set("client_id", c.c.ID)
		form.Set("client_secret", c.c.Secret)
	case SecretJWT, PrivateKeyJWT:
		audience := s.Issuer
		if audience == "" {
			audience = endpoint
		}
		assertion, err := c.assertion(method, audience, now)
		if err != nil {
			return nil, err
		}
		form.Set("client_id", c.c.ID)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	default:
		form.Set("client_id", c.c.ID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("endpoint: not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if method == Basic {
		// RFC 6749 §2.3.1: both are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(c.c.ID), url.QueryEscape(c.c.Secret))
	}
	return req, nil
}

// assertion is a JWT that is good for one use, soon (RFC 7523 §3).
func (c *Client) assertion(method, audience string, now time.Time) (string, error) {
	if c.c.AssertionFile != "" && method == PrivateKeyJWT {
		return c.given()
	}
	const lifetime = time.Minute
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: c.alg, Key: c.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", errAssertion
	}
	payload, err := json.Marshal(map[string]any{
		"iss": c.c.ID, "sub": c.c.ID, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", errAssertion
	}
	return signed.CompactSerialize()
}

// maxAssertion is how many bytes an assertion in a file may have.
const maxAssertion = 64 << 10

// given reads the assertion that somebody else signed.
func (c *Client) given() (string, error) {
	info, err := os.Stat(c.c.AssertionFile)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxAssertion {
		return "", fmt.Errorf("assertion_file %s: not a file that can be read: a path of this machine, mounted here?",
			c.c.AssertionFile)
	}
	text, err := os.ReadFile(c.c.AssertionFile)
	if err != nil {
		return "", fmt.Errorf("assertion_file %s: cannot be read", c.c.AssertionFile)
	}
	return strings.TrimSpace(string(text)), nil
}

// Refused reports whether a server's answer means that it does not take the client's credentials (RFC 6749 §5.2): then
// our configuration is at fault, and nobody's token.
func Refused(status int, body []byte) bool {
	var answer struct{ Error string }
	_ = json.Unmarshal(body, &answer)
	return status == http.StatusUnauthorized || status == http.StatusForbidden ||
		answer.Error == "invalid_client" || answer.Error == "unauthorized_client"
}

package jwks

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Mistake says what a text, given as a key, seems to be instead, and how to write what was meant.
type Mistake struct {
	text string
	// Public says that there is no doubt, and that others know the text: it must not be a shared secret. Otherwise it
	// only looks like something that is no secret.
	Public bool
}

func (m *Mistake) Error() string { return m.text }

// mistakes are texts that are meant to be something else than a shared secret, and cannot be read here.
var mistakes = []struct {
	pattern *regexp.Regexp
	Mistake
}{
	{regexp.MustCompile(`\b(kty|jwks_uri)["'\\]*\s*:|\bkeys["'\\]*\s*:\s*\[`),
		Mistake{"a JWK or JWK set that is no JSON", true}},
	{regexp.MustCompile(`BEGIN SSH2|AAAA(B3NzaC1|C3NzaC1|E2VjZHNhL|GnNrL|InNrL)`),
		Mistake{"an SSH key: write it as PEM (ssh-keygen -e -m PKCS8 -f key.pub)", true}},
	{regexp.MustCompile(`(?i)^\W{0,3}https?(://?|//?|:\w|%3a)`),
		Mistake{"a URL: write it without blanks and quotes, and http or https in lower case", true}},
	{regexp.MustCompile(`(?i)^([a-z][a-z0-9+.-]*://|data:\S*,|file:|urn:)`),
		Mistake{"a URL that nothing is fetched from: want http or https", true}},
	{regexp.MustCompile(`(?i)^(//([\w-]+\.)+[\w-]+(:\d+)?(/\S*)?|(([\w-]+\.)+[\w-]+|localhost)(:\d+)?/\S*(jwk|certs|keys|known|json|oauth|openid)\S*)$`),
		Mistake{"a URL without its scheme: write https:// before it", true}},
	{regexp.MustCompile(`(?i)^<(\?xml|RSAKeyValue)`), Mistake{"a key as XML: write it as PEM", true}},
	{regexp.MustCompile(`(?i)^(([a-z0-9-]+\.)+[a-z]{2,}|localhost)(:\d+)?(/\S*)?$`),
		Mistake{"looks like a host: write the URL of its key set, or {text: …} if it is a shared secret", false}},
	{regexp.MustCompile(`(?i)^((~|\.{1,2})?/\S*\.(pem|crt|cer|der|key|pub|json|jwks?|txt|ya?ml)|` +
		`/(etc|run|var|home|opt|usr|mnt|srv|root|tmp|secrets?|app|config|data|keys|certs)/\S*|[a-z]:\\.*|[\w./-]+\.(pem|crt|cer|der|key|pub|jwks?))$`),
		Mistake{"looks like the name of a file: write {file: …}, or {text: …} if it is a shared secret", false}},
	{regexp.MustCompile(`^\$[A-Za-z_]\w*$|^%[A-Za-z_]\w*%$|\$\{[^}]*\}|\$\([^)]*\)|\{\{.*\}\}|^<[^>]*>$`),
		Mistake{"looks like a variable that nothing has expanded; write {text: …} if it is a shared secret", false}},
	{regexp.MustCompile(`(?i)^your-(256|384|512)-bit-secret$|^a-(valid-)?string-secret-.*at-least-\d+-bits-long`),
		Mistake{"an example that everybody knows: make a secret of your own (openssl rand -base64 32)", false}},
}

// maxLayers is how often base64 is looked into: once for DER, once more for Kubernetes.
const maxLayers = 2

// Read reads keys of a text by what it is: PEM, a key or certificate in DER as base64, a JWK, a JWK set, or base64 of
// one of these. It returns nil without an error for any other text, which may be a shared secret; the error is a
// *[Mistake].
func Read(text string) (*Set, error) { return read(text, maxLayers) }

func read(text string, layers int) (*Set, error) {
	text = bare(text)
	switch {
	case IsPEM(text):
		return known(FromPEM(text))
	case json.Valid([]byte(text)) && strings.ContainsAny(text[:1], "{["):
		s, err := FromJWKS([]byte(text))
		if err != nil && !published.MatchString(text) {
			return nil, &Mistake{"looks like JSON; write {text: …} if it is a shared secret", false}
		}
		return known(s, err)
	}
	for _, m := range mistakes {
		if m.pattern.MatchString(text) {
			return nil, &m.Mistake
		}
	}
	if layers == 0 {
		return nil, nil
	}
	text = lineEnds.Replace(text)
	for _, inner := range decoded(text) {
		if key, private := fromDER(inner); key != nil {
			k, err := newKey("", "", key)
			if err != nil {
				return nil, &Mistake{err.Error(), true}
			}
			s := &Set{static: true}
			s.add("key", k, private)
			return s, nil
		}
		if utf8.Valid(inner) && strings.IndexFunc(string(inner), unprintable) < 0 {
			if s, err := read(string(inner), layers-1); s != nil || err != nil {
				return s, err
			}
		}
	}
	if cut.MatchString(text) {
		return nil, &Mistake{"base64 of a key that cannot be read: is it cut off?", true}
	}
	return nil, nil
}

// lineEnds are those of a key whose first and last line were taken off, as text.
var lineEnds = strings.NewReplacer(`\r`, "", `\n`, "")

// cut is how DER begins in base64.
var cut = regexp.MustCompile(`^(MII[\w+/=\s-]{100,}|MII[\w+/-]{1,7}ANBgkqhkiG9w0BAQ[\w+/=\s-]*|(MFkwEw|MHYwEA|MIGbMB|MCowBQ)[\w+/=\s-]{16,})$`)

// published is in the JSON that issuers publish.
var published = regexp.MustCompile(`"(kty|keys|jwks_uri)"`)

// bare takes away what cannot be seen around text, and quotes.
func bare(text string) string {
	text = strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
	if n := len(text); n > 1 && text[0] == text[n-1] && strings.ContainsAny(text[:1], `"'`) {
		text = strings.TrimSpace(text[1 : n-1])
	}
	return text
}

// known makes a [Mistake] of an error about a text whose kind is known.
func known(s *Set, err error) (*Set, error) {
	switch {
	case errors.Is(err, ErrBadPEM):
		return nil, &Mistake{"looks like PEM and has no key: line ends must be real ones, \\n in JSON", true}
	case err != nil:
		return nil, &Mistake{fmt.Sprintf("JSON or PEM without a key that can be used: %v", err), true}
	}
	return s, nil
}

// decoded are the bytes that text stands for in base64 and in hexadecimal digits.
func decoded(text string) [][]byte {
	text = strings.Join(strings.Fields(text), "")
	var out [][]byte
	if b, err := decodeLoosely(text); err == nil && len(b) > 0 {
		out = append(out, b)
	}
	if b, err := hex.DecodeString(text); err == nil && len(b) > 0 {
		out = append(out, b)
	}
	return out
}

func unprintable(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }

// fromDER reads a key or a certificate, nil if der is none.
func fromDER(der []byte) (key any, private bool) {
	if c, err := x509.ParseCertificate(der); err == nil {
		return c.PublicKey, false
	}
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKIXPublicKey,
		func(b []byte) (any, error) { return x509.ParsePKCS1PublicKey(b) },
		x509.ParsePKCS8PrivateKey,
		func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
	} {
		key, err := parse(der)
		if err != nil {
			continue
		}
		if s, ok := key.(crypto.Signer); ok {
			return s.Public(), true
		}
		return key, false
	}
	return nil, false
}

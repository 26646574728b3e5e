package tlsclient

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Settings say which server to believe, and who we are. The zero value believes the authorities that are the caller's
// default, and shows no certificate.
type Settings struct {
	// CA are PEM texts of the authorities to trust instead of the default ones.
	CA []string
	// Cert and Key are the certificate to show, its chain after it, and its private key, as PEM.
	Cert, Key string
	// ServerName is the name that the server must have instead of that of its address. A certificate without
	// alternative names may have it as its common name.
	ServerName string
	// Fingerprints pin public keys: the SHA-256 of the SubjectPublicKeyInfo (RFC 7469 §2.4), in base64 or hexadecimal.
	// A server with one of these keys is believed, whatever its certificate says, and no other.
	Fingerprints []string
	// AnyName leaves the name out of what is checked.
	AnyName bool
	// Insecure believes every server.
	Insecure bool
}

// Config returns what crypto/tls needs to talk to host, "" where that is set for each connection. roots are the
// default authorities, nil for the system's. warn, which may be nil, is told once when a certificate is taken that has
// a common name only. Errors start with the name of the option: ca, cert, fingerprint.
func (s Settings) Config(host string, roots *x509.CertPool, warn func(text string)) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: roots}
	if s.ServerName != "" {
		c.ServerName = s.ServerName
	}
	if len(s.CA) > 0 {
		c.RootCAs = x509.NewCertPool()
		for _, text := range s.CA {
			if !c.RootCAs.AppendCertsFromPEM([]byte(text)) {
				return nil, errors.New("ca: want PEM certificates")
			}
		}
	}
	if s.Cert != "" || s.Key != "" {
		pair, err := tls.X509KeyPair([]byte(s.Cert), []byte(s.Key))
		if err != nil {
			return nil, errors.New("cert: want a PEM certificate with its key")
		}
		// Certificates would be shown only to servers that name its issuer, and some name none but their root.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	pins, err := parsePins(s.Fingerprints)
	switch {
	case err != nil:
		return nil, err
	case pins != nil && (s.Insecure || len(s.CA) > 0):
		return nil, errors.New("fingerprint: the public key alone decides; it goes neither with ca " +
			"nor with an option that believes every server")
	case pins != nil:
		c.VerifyConnection = pins.verify
	case s.Insecure:
	case s.AnyName, s.ServerName != "":
		v := &verifier{roots: c.RootCAs, warn: warn}
		if !s.AnyName {
			v.name = s.ServerName
		}
		c.VerifyConnection = v.verify
	default:
		return c, nil
	}
	c.InsecureSkipVerify = true // VerifyConnection verifies, or Insecure asks for it by name
	return c, nil
}

// PEM returns text that is PEM, or what the file of that name holds; nothing for nothing.
func PEM(text string) (string, error) {
	if text == "" || strings.Contains(text, "-----BEGIN ") {
		return text, nil
	}
	b, err := os.ReadFile(text)
	var pe *os.PathError
	if errors.As(err, &pe) {
		return "", fmt.Errorf("neither PEM nor a file: %w", pe.Err) // without the name, which may be a broken key
	}
	return string(b), err
}

// Roots returns the system's authorities and those in the PEM file.
func Roots(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: want PEM certificates", file)
	}
	return pool, nil
}

// A verifier does what crypto/tls does, and takes a common name where there is no other.
type verifier struct {
	roots *x509.CertPool
	// name is "" where any will do.
	name   string
	warn   func(text string)
	warned sync.Once
}

func (v *verifier) verify(s tls.ConnectionState) error {
	leaf := s.PeerCertificates[0]
	o := x509.VerifyOptions{Roots: v.roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(o)
	switch {
	case err != nil || v.name == "":
	case commonNameOnly(leaf) && strings.EqualFold(leaf.Subject.CommonName, v.name) &&
		slices.ContainsFunc(chains, anyName):
		if v.warn != nil {
			v.warned.Do(func() {
				v.warn(fmt.Sprintf("the certificate of %s has it as its common name only, and no subject alternative name", v.name))
			})
		}
	default:
		err = leaf.VerifyHostname(v.name)
	}
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

// commonNameOnly reports whether c has no subject alternative names (RFC 5280 §4.2.1.6) at all.
func commonNameOnly(c *x509.Certificate) bool {
	return !slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.17" })
}

// anyName reports whether chain's authorities may sign for every name: to their constraints (RFC 5280 §4.2.1.10),
// crypto/x509 holds alternative names only.
func anyName(chain []*x509.Certificate) bool {
	return !slices.ContainsFunc(chain[1:], func(c *x509.Certificate) bool {
		return slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.30" })
	})
}

type pins [][sha256.Size]byte

func parsePins(texts []string) (p pins, err error) {
	for _, text := range texts {
		b, err := parsePin(text)
		if err != nil {
			return nil, err
		}
		p = append(p, b)
	}
	return p, nil
}

// parsePin reads the forms in which tools write a SHA-256.
func parsePin(text string) (pin [sha256.Size]byte, err error) {
	text = strings.TrimSpace(text)
	for _, prefix := range []string{"sha256//", "sha256/", "sha256:", "SHA256:"} {
		text = strings.TrimPrefix(text, prefix)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		b, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil || len(b) != len(pin) {
		return pin, errors.New("fingerprint: want the SHA-256 of the server's public key, in base64 or hexadecimal")
	}
	return [sha256.Size]byte(b), nil
}

// Fingerprint is the pin of c's public key.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (p pins) verify(s tls.ConnectionState) error {
	got := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
	for _, pin := range p {
		if subtle.ConstantTimeCompare(pin[:], got[:]) == 1 {
			return nil
		}
	}
	return &tls.CertificateVerificationError{
		UnverifiedCertificates: s.PeerCertificates,
		Err:                    fmt.Errorf("fingerprint: the server's public key is %s", Fingerprint(s.PeerCertificates[0])),
	}
}

// Explain adds to the error of a handshake what an operator can do about a certificate that has a common name only.
// Other errors stay as they are.
func Explain(err error) error {
	var host x509.HostnameError
	if !errors.As(err, &host) || !commonNameOnly(host.Certificate) {
		return err
	}
	return fmt.Errorf("%w (it has the common name %q and no alternative names: take it by that name as the server's "+
		"name, "+
		"or by the fingerprint %s)", err, host.Certificate.Subject.CommonName, Fingerprint(host.Certificate))
}

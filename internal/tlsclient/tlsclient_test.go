package tlsclient

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func sign(t *testing.T, template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func newAuthority(t *testing.T) *authority {
	cert, key := sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	return &authority{cert, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))}
}

// shake returns how a handshake at a server with such a certificate ends, and whether the server saw one of ours.
func shake(t *testing.T, client *tls.Config, chain [][]byte, key any) (shown bool, err error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan bool, 1)
	go func() {
		defer close(done)
		theirs, err := listener.Accept()
		if err != nil {
			return
		}
		defer theirs.Close()
		server := tls.Server(theirs, &tls.Config{
			Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: key}}, ClientAuth: tls.RequestClientCert,
			SessionTicketsDisabled: true,
		})
		_ = server.HandshakeContext(t.Context())
		done <- len(server.ConnectionState().PeerCertificates) > 0
	}()
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	err = tls.Client(ours, client).HandshakeContext(t.Context())
	if err != nil {
		_ = ours.Close()
	}
	return <-done, err
}

func TestConfig(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	middle, middleKey := sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "middle"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, a)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	cn := pkix.Name{CommonName: "ldap.internal"}
	for _, server := range []struct {
		name     string
		template x509.Certificate
		by       *authority
		want     string // what it is taken for, of the cases below
	}{
		{"with a name", x509.Certificate{Subject: cn, DNSNames: []string{"host.test", "other.test"}}, a, "default, by its other name, any name, anybody, pin"},
		{"with a wildcard", x509.Certificate{DNSNames: []string{"*.test"}}, a, "default, by its other name, any name, anybody, pin"},
		{"with an address", x509.Certificate{Subject: cn, IPAddresses: []net.IP{{10, 0, 0, 1}}}, a, "by address, any name, anybody, pin"},
		{"by way of another", x509.Certificate{DNSNames: []string{"other.test"}}, &authority{cert: middle, key: middleKey}, "by its other name, any name, anybody, pin"},
		{"without a SAN", x509.Certificate{Subject: cn}, a, "by its common name, by its common name in capitals, any name, anybody, pin"},
		{"without a SAN, the host's", x509.Certificate{Subject: pkix.Name{CommonName: "host.test"}}, a, "any name, anybody, pin"},
		// A name in the SAN makes the common name nobody's (RFC 6125 §6.4.4).
		{"with a SAN of another kind", x509.Certificate{Subject: cn, EmailAddresses: []string{"a@test"}}, a, "any name, anybody, pin"},
		{"without a SAN, of another authority", x509.Certificate{Subject: cn}, other, "anybody, pin"},
		{"signed by itself", x509.Certificate{Subject: cn, DNSNames: []string{"host.test"}}, nil, "anybody, pin"},
		{"expired", x509.Certificate{Subject: cn, DNSNames: []string{"host.test"}, NotAfter: time.Now().Add(-time.Minute)}, a, "anybody, pin"},
		{"expired, without a SAN", x509.Certificate{Subject: cn, NotAfter: time.Now().Add(-time.Minute)}, a, "anybody, pin"},
		{"for clients", x509.Certificate{Subject: cn, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, a, "anybody, pin"},
	} {
		cert, key := sign(t, &server.template, server.by)
		for name, s := range map[string]Settings{
			"default":                         {},
			"by its other name":               {ServerName: "other.test"},
			"by its common name":              {ServerName: "ldap.internal"},
			"by its common name in capitals":  {ServerName: "LDAP.internal"},
			"by address":                      {ServerName: "10.0.0.1"},
			"by a name that nobody has":       {ServerName: "nobody.invalid"},
			"any name":                        {AnyName: true},
			"anybody":                         {Insecure: true},
			"pin":                             {Fingerprints: []string{strings.Repeat("00", 32), Fingerprint(cert)}},
			"another's pin":                   {Fingerprints: []string{strings.Repeat("00", 32)}},
			"another's pin and its own name":  {Fingerprints: []string{strings.Repeat("00", 32)}, ServerName: "host.test"},
			"another authority, by its name":  {CA: []string{other.pem + a.pem[:10]}, ServerName: "other.test"},
			"another authority, for any name": {CA: []string{newAuthority(t).pem}, AnyName: true},
		} {
			var warnings []string
			c, err := s.Config("host.test", pool, func(text string) { warnings = append(warnings, text) })
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Contains(", "+server.want+", ", ", "+name+", ")
			for range 2 {
				if _, err := shake(t, c, [][]byte{cert.Raw, middle.Raw}, key); (err == nil) != want {
					t.Errorf("%s, %s: handshake = %v, want success = %v", server.name, name, err, want)
				}
			}
			if warned := want && strings.HasPrefix(name, "by its common name"); (len(warnings) == 1) != warned {
				t.Errorf("%s, %s: warnings = %q, want one = %v", server.name, name, warnings, warned)
			}
		}
	}
}

func TestOurCertificate(t *testing.T) {
	a := newAuthority(t)
	server, serverKey := sign(t, &x509.Certificate{DNSNames: []string{"host.test"}}, a)
	ours, key := sign(t, &x509.Certificate{}, nil)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.Raw}))
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for name, s := range map[string]Settings{
		"shown": {CA: []string{a.pem}, Cert: certPEM, Key: keyPEM}, "none": {CA: []string{a.pem}},
		"shown to a pinned server": {Fingerprints: []string{Fingerprint(server)}, Cert: certPEM, Key: keyPEM},
	} {
		c, err := s.Config("host.test", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := shake(t, c, [][]byte{server.Raw}, serverKey)
		if want := name != "none"; shown != want || err != nil {
			t.Errorf("%s: the server saw our certificate = %v, %v, want %v", name, shown, err, want)
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	a := newAuthority(t)
	for _, tt := range []struct {
		name string
		in   Settings
		want string
	}{
		{"no certificate", Settings{CA: []string{"x"}}, "ca: want PEM certificates"},
		{"one of them is none", Settings{CA: []string{a.pem, ""}}, "ca: want PEM certificates"},
		{"a certificate without its key", Settings{Cert: a.pem}, "cert: want a PEM certificate with its key"},
		{"a key without a certificate", Settings{Key: "s3cret"}, "cert: want a PEM certificate with its key"},
		{"a short pin", Settings{Fingerprints: []string{"abcd"}}, "fingerprint: want the SHA-256"},
		{"no pin", Settings{Fingerprints: []string{""}}, "fingerprint: want the SHA-256"},
		{"a SHA-1", Settings{Fingerprints: []string{strings.Repeat("ab:", 19) + "ab"}}, "fingerprint: want the SHA-256"},
		{"a pin and no check", Settings{Fingerprints: []string{strings.Repeat("ab", 32)}, Insecure: true}, "fingerprint: the public key alone decides"},
		{"a pin and an authority", Settings{Fingerprints: []string{strings.Repeat("ab", 32)}, CA: []string{a.pem}}, "fingerprint: the public key alone decides"},
	} {
		if _, err := tt.in.Config("h", nil, nil); err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: Config = %v, want %s", tt.name, err, tt.want)
		}
	}
}

// The forms that openssl, curl and browsers print.
func TestPins(t *testing.T) {
	sum := sha256.Sum256([]byte("key"))
	text := hex.EncodeToString(sum[:])
	var colons []string
	for i := 0; i < len(text); i += 2 {
		colons = append(colons, strings.ToUpper(text[i:i+2]))
	}
	for _, in := range []string{
		text, strings.Join(colons, ":"), "sha256:" + text, "LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM=", "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM",
		"sha256//LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM=", " SHA256:LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM\n",
	} {
		if got, err := parsePin(in); got != sum || err != nil {
			t.Errorf("parsePin(%s) = %x, %v, want %x", in, got, err, sum)
		}
	}
}

func TestExplain(t *testing.T) {
	a := newAuthority(t)
	c, err := Settings{CA: []string{a.pem}}.Config("host.test", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	bare, key := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "ldap.internal"}}, a)
	_, err = shake(t, c, [][]byte{bare.Raw}, key)
	if text := Explain(err).Error(); !strings.Contains(text, `"ldap.internal"`) || !strings.Contains(text, Fingerprint(bare)) {
		t.Errorf("Explain = %s, want the common name and the fingerprint", text)
	}
	named, key := sign(t, &x509.Certificate{DNSNames: []string{"other.test"}}, a)
	_, err = shake(t, c, [][]byte{named.Raw}, key)
	if got := Explain(err); err == nil || got != err {
		t.Errorf("Explain(%v) = %v, want it unchanged", err, got)
	}
	if Explain(nil) != nil {
		t.Error("Explain(nil) is an error")
	}
}

func TestRoots(t *testing.T) {
	a := newAuthority(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := Roots(file); err == nil {
		t.Error("Roots of no file = nil")
	}
	for text, want := range map[string]bool{a.pem: true, "": false, "no PEM": false} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		pool, err := Roots(file)
		if (err == nil) != want {
			t.Fatalf("Roots(%.10q) = %v, want success = %v", text, err, want)
		}
		if !want {
			continue
		}
		c, err := Settings{}.Config("host.test", pool, nil)
		if err != nil {
			t.Fatal(err)
		}
		cert, key := sign(t, &x509.Certificate{DNSNames: []string{"host.test"}}, a)
		if _, err := shake(t, c, [][]byte{cert.Raw}, key); err != nil {
			t.Errorf("handshake = %v", err)
		}
	}
}

// An authority that may sign for some names only must not sign for others by way of the common name, to which crypto/x509
// does not hold its constraints (RFC 5280 §4.2.1.10).
func TestConstrainedAuthority(t *testing.T) {
	a := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	constrained, constrainedKey := sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "branch"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomains: []string{"branch.test"}, PermittedDNSDomainsCritical: true,
	}, a)
	cert, key := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "ldap.internal"}}, &authority{cert: constrained, key: constrainedKey})
	c, err := Settings{ServerName: "ldap.internal"}.Config("host.test", pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shake(t, c, [][]byte{cert.Raw, constrained.Raw}, key); err == nil {
		t.Error("a common name outside of what its authority may sign is taken")
	}
}

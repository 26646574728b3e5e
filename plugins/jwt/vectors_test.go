package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

// What is known to have gone wrong in verifiers of JWS and JWK (Project Wycheproof lists most of it), made anew: each row is a
// key, a token, and the reason why it passes or must not.

// A workbench holds one key of each kind.
type workbench struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
	// secret has as many bytes as HS512 wants.
	secret []byte
}

func newWorkbench(t *testing.T) *workbench {
	t.Helper()
	w := &workbench{secret: bytes.Repeat([]byte("0123456789abcdef"), 4)}
	var errs [3]error
	w.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	w.ec, errs[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, w.ed, errs[2] = ed25519.GenerateKey(rand.Reader)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// jwk is the public JWK of key with more members; nil takes one away.
func jwk(key any, more map[string]any) map[string]any {
	k := jose.JSONWebKey{Key: key, KeyID: "k"}
	if !k.IsPublic() {
		if _, secret := key.([]byte); !secret {
			k = k.Public()
		}
	}
	text, err := k.MarshalJSON()
	if err != nil {
		panic(err) // keys of these types always marshal
	}
	out := map[string]any{}
	_ = json.Unmarshal(text, &out)
	maps.Copy(out, more)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

func with(name string, v any) map[string]any { return map[string]any{name: v} }

// input is what is signed under header: the signing input of a token for alice.
func input(header string) string { return enc([]byte(header)) + "." + enc([]byte(`{"sub":"alice"}`)) }

func header(alg string) string { return `{"alg":"` + alg + `","kid":"k"}` }

// token joins what is signed and a signature.
func token(in string, sig []byte) string { return in + "." + enc(sig) }

func (w *workbench) hmac(header string, newHash func() hash.Hash) string {
	m := hmac.New(newHash, w.secret)
	m.Write([]byte(input(header)))
	return token(input(header), m.Sum(nil))
}

// hmacWith signs as HS256 with a secret that is known to others.
func hmacWith(secret []byte) string {
	return (&workbench{secret: secret}).hmac(header("HS256"), sha256.New)
}

// pkcs1 signs an encoded message that need not be one (RFC 8017 §9.2).
func (w *workbench) pkcs1(em []byte) string {
	m := new(big.Int).SetBytes(em)
	return token(input(header("RS256")), m.Exp(m, w.rsa.D, w.rsa.N).FillBytes(make([]byte, 256)))
}

// em is 0x00, the block type, padding of fill, 0x00 and the rest, 256 bytes.
func em(typ, fill byte, rest []byte) []byte {
	out := []byte{0, typ}
	out = append(out, bytes.Repeat([]byte{fill}, 256-3-len(rest))...)
	return append(append(out, 0), rest...)
}

// digestInfo is the DER of SHA-256's DigestInfo but for the hash, in hexadecimal digits.
const digestInfo = "3031300d060960864801650304020105000420"

func info(prefix string, sum []byte) []byte {
	b, err := hex.DecodeString(prefix)
	if err != nil {
		panic(err)
	}
	return append(b, sum...)
}

func (w *workbench) pss(alg string, o *rsa.PSSOptions) string {
	sum := sha256.Sum256([]byte(input(header(alg))))
	sig, err := rsa.SignPSS(rand.Reader, w.rsa, crypto.SHA256, sum[:], o)
	if err != nil {
		panic(err)
	}
	return token(input(header(alg)), sig)
}

// ecdsa signs the hash of what is signed, or another.
func (w *workbench) ecdsa(alg string, sum []byte) (r, s *big.Int) {
	if sum == nil {
		h := sha256.Sum256([]byte(input(header(alg))))
		sum = h[:]
	}
	r, s, err := ecdsa.Sign(rand.Reader, w.ec, sum)
	if err != nil {
		panic(err)
	}
	return r, s
}

// rs is a token with a signature of two numbers, each of size bytes.
func rs(alg string, r, s *big.Int, size int) string {
	return token(input(header(alg)), append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...))
}

type vector struct {
	name  string
	key   map[string]any
	token string
	// pass says that the token must be taken; why has the reason for either.
	pass bool
	why  string
}

func (w *workbench) hmacVectors() []vector {
	oct := jwk(w.secret, nil)
	good := w.hmac(header("HS256"), sha256.New)
	in := input(header("HS256"))
	tag := func() []byte { m := hmac.New(sha256.New, w.secret); m.Write([]byte(in)); return m.Sum(nil) }
	long := hmac.New(sha512.New, w.secret)
	long.Write([]byte(in))
	return []vector{
		{"HS256", oct, good, true, "RFC 7518 §3.2"},
		{"HS384", oct, w.hmac(header("HS384"), sha512.New384), true, "RFC 7518 §3.2"},
		{"HS512", oct, w.hmac(header("HS512"), sha512.New), true, "RFC 7518 §3.2"},
		{"a tag of half its length", oct, token(in, tag()[:16]), false, "a shorter tag is easier to guess"},
		{"a tag of one byte", oct, token(in, tag()[:1]), false, "a shorter tag is easier to guess"},
		{"no tag", oct, in + ".", false, "a prefix of every tag"},
		{"a tag and more", oct, token(in, append(tag(), 0)), false, "one text for one token"},
		{"the start of another hash's tag", oct, token(in, long.Sum(nil)[:32]), false, "the algorithm is the header's"},
		{"a tag in hexadecimal", oct, in + "." + hex.EncodeToString(tag()), false, "another encoding"},
		{"a tag with its first bit changed", oct, token(in, append([]byte{tag()[0] ^ 0x80}, tag()[1:]...)), false, "compared as a whole"},
		{"a tag with its last bit changed", oct, token(in, append(tag()[:31], tag()[31]^1)), false, "compared as a whole"},
		{"zeros for a tag", oct, token(in, make([]byte, 32)), false, "a tag that was never set"},
		{"the empty secret's tag", oct, hmacWith(nil), false, "a secret that was never set"},
		{"a header in capitals", oct, w.hmac(header("hs256"), sha256.New), false, "RFC 7515 §4.1.1: case-sensitive"},
		{"the key is for HS512", jwk(w.secret, with("alg", "HS512")), good, false, "RFC 7517 §4.4"},
		{"the key is for HS256", jwk(w.secret, with("alg", "HS256")), good, true, "RFC 7517 §4.4"},
		{"the key is for encryption", jwk(w.secret, with("use", "enc")), good, false, "RFC 7517 §4.2"},
		{"the key may sign only", jwk(w.secret, with("key_ops", []string{"sign"})), good, false, "RFC 7517 §4.3"},
		{"the key may sign and verify", jwk(w.secret, with("key_ops", []string{"sign", "verify"})), good, true, "RFC 7517 §4.3"},
		{"the key is for AES", jwk(w.secret, with("alg", "A256GCM")), good, false, "RFC 7517 §4.4"},
		{"a short secret", jwk(w.secret[:31], nil), (&workbench{secret: w.secret[:31]}).hmac(header("HS256"), sha256.New), false, "RFC 7518 §3.2"},
		{"another kid", jwk(w.secret, with("kid", "K")), good, false, "RFC 7517 §4.5: case-sensitive"},
	}
}

func (w *workbench) rsaVectors() []vector {
	pub := jwk(w.rsa, nil)
	in := input(header("RS256"))
	sum := sha256.Sum256([]byte(in))
	sum512 := sha512.Sum512([]byte(in))
	good := w.pkcs1(em(1, 0xff, info(digestInfo, sum[:])))
	sig, err := rsa.SignPKCS1v15(nil, w.rsa, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	s := new(big.Int).SetBytes(sig)
	plus := new(big.Int).Add(s, w.rsa.N).Bytes()
	minus := new(big.Int).Sub(w.rsa.N, s).FillBytes(make([]byte, 256))
	garbage := append([]byte{0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, info(digestInfo, sum[:])...)
	garbage = append(garbage, make([]byte, 256-len(garbage))...)
	one := jwk(w.rsa, with("e", "AQ"))
	der, err := x509.MarshalPKIXPublicKey(w.rsa.Public())
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(pub)
	if err != nil {
		panic(err)
	}
	salt := func(n int) *rsa.PSSOptions { return &rsa.PSSOptions{SaltLength: n} }
	const why = "RFC 8017 §8.2.2: the encoded message is compared as a whole"
	return []vector{
		{"RS256", pub, good, true, "RFC 7518 §3.3"},
		{"DigestInfo without NULL", pub, w.pkcs1(em(1, 0xff, info("302f300b06096086480165030402010420", sum[:]))), false, why},
		{"DigestInfo with lengths in BER", pub, w.pkcs1(em(1, 0xff, info("308131300d060960864801650304020105000420", sum[:]))), false, why},
		{"no DigestInfo", pub, w.pkcs1(em(1, 0xff, sum[:])), false, why},
		{"SHA-512 under RS256", pub, w.pkcs1(em(1, 0xff, info("3051300d060960864801650304020305000440", sum512[:]))), false, "the hash is the algorithm's"},
		{"the name of SHA-512, the hash of SHA-256", pub, w.pkcs1(em(1, 0xff, info("3051300d060960864801650304020305000420", sum[:]))), false, why},
		{"padding of zeros", pub, w.pkcs1(em(1, 0, info(digestInfo, sum[:]))), false, why},
		{"padding of block type 2", pub, w.pkcs1(em(2, 0xff, info(digestInfo, sum[:]))), false, why},
		{"short padding, and rubbish after the hash", pub, w.pkcs1(garbage), false, "Bleichenbacher 2006"},
		{"s + n", pub, token(in, plus), false, "RFC 8017 §5.2.2: one text for one signature"},
		{"n - s", pub, token(in, minus), false, "e is odd"},
		{"a zero before s", pub, token(in, append([]byte{0}, sig...)), false, "RFC 8017 §8.2.2: as long as the modulus"},
		{"s cut off", pub, token(in, sig[:255]), false, "RFC 8017 §8.2.2: as long as the modulus"},
		{"s is 0", pub, token(in, make([]byte, 256)), false, "0 is its own power"},
		{"s is 1", pub, token(in, append(make([]byte, 255), 1)), false, "1 is its own power"},
		{"s is n", pub, token(in, w.rsa.N.Bytes()), false, "n is 0"},
		{"e is 1", one, token(in, em(1, 0xff, info(digestInfo, sum[:]))), false, "everything is its own signature"},
		{"RS256 called RS384", pub, token(input(header("RS384")), sig), false, "the hash is the algorithm's"},
		{"RS256 called PS256", pub, token(input(header("PS256")), sig), false, "the padding is the algorithm's"},
		{"PS256", pub, w.pss("PS256", salt(32)), true, "RFC 7518 §3.5"},
		{"PS256 without salt", pub, w.pss("PS256", salt(0)), false, "RFC 7518 §3.5: the salt is as long as the hash"},
		{"PS256 with a salt of 20 bytes", pub, w.pss("PS256", salt(20)), false, "RFC 7518 §3.5: the salt is as long as the hash"},
		{"PS256 with the longest salt", pub, w.pss("PS256", salt(222)), false, "RFC 7518 §3.5: the salt is as long as the hash"},
		{"PS256 called RS256", pub, w.pss("RS256", salt(32)), false, "the padding is the algorithm's"},
		{"the key is for PS256", jwk(w.rsa, with("alg", "PS256")), good, false, "RFC 7517 §4.4"},
		{"the key is for encryption", jwk(w.rsa, with("use", "enc")), good, false, "RFC 7517 §4.2"},
		{"the key wraps keys", jwk(w.rsa, with("key_ops", []string{"wrapKey", "encrypt"})), good, false, "RFC 7517 §4.3"},
		{"the key has no use", jwk(w.rsa, with("use", nil)), good, true, "RFC 7517 §4.2: optional"},
		{"HS256 with the key's DER", pub, hmacWith(der), false, "ATTACKS 31"},
		{"HS256 with the key's modulus", pub, hmacWith(w.rsa.N.Bytes()), false, "ATTACKS 31"},
		{"HS256 with the key's JWK", pub, hmacWith(text), false, "ATTACKS 31"},
	}
}

func (w *workbench) ecVectors() []vector {
	pub := jwk(w.ec, nil)
	n := elliptic.P256().Params().N
	r, s := w.ecdsa("ES256", nil)
	zero, one := new(big.Int), big.NewInt(1)
	der, err := asn1.Marshal([]*big.Int{r, s})
	if err != nil {
		panic(err)
	}
	sum512 := sha512.Sum512([]byte(input(header("ES256"))))
	r512, s512 := w.ecdsa("ES256", sum512[:])
	r384, s384 := w.ecdsa("ES384", nil)
	in := input(header("ES256"))
	both := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	const inRange = "FIPS 186-5 §6.4.2: r and s are from 1 to n-1"
	return []vector{
		{"ES256", pub, rs("ES256", r, s, 32), true, "RFC 7518 §3.4"},
		{"n - s", pub, rs("ES256", r, new(big.Int).Sub(n, s), 32), true, "RFC 7518 §3.4 has no rule about the half that s is in"},
		{"r is 0", pub, rs("ES256", zero, s, 32), false, inRange},
		{"s is 0", pub, rs("ES256", r, zero, 32), false, inRange},
		{"both are 0", pub, rs("ES256", zero, zero, 32), false, "CVE-2022-21449"},
		{"r is 1, s is 0", pub, rs("ES256", one, zero, 32), false, inRange},
		{"both are 1", pub, rs("ES256", one, one, 32), false, "a constant"},
		{"both are n", pub, rs("ES256", n, n, 32), false, inRange},
		{"r is n", pub, rs("ES256", n, s, 32), false, inRange},
		{"s is n", pub, rs("ES256", r, n, 32), false, inRange},
		{"both are the field's prime", pub, rs("ES256", elliptic.P256().Params().P, elliptic.P256().Params().P, 32), false, inRange},
		{"all ones", pub, token(in, bytes.Repeat([]byte{0xff}, 64)), false, inRange},
		{"s, then r", pub, rs("ES256", s, r, 32), false, "RFC 7518 §3.4: r first"},
		{"DER", pub, token(in, der), false, "RFC 7518 §3.4: no DER"},
		{"r and s of 33 bytes", pub, rs("ES256", r, s, 33), false, "RFC 7518 §3.4: 64 bytes"},
		{"s cut off", pub, token(in, both[:63]), false, "RFC 7518 §3.4: 64 bytes"},
		{"a byte more", pub, token(in, append(both[:64:64], 0)), false, "RFC 7518 §3.4: 64 bytes"},
		{"r alone", pub, token(in, both[:32]), false, "RFC 7518 §3.4: 64 bytes"},
		{"SHA-512 under ES256", pub, rs("ES256", r512, s512, 32), false, "the hash is the algorithm's"},
		{"ES384 with P-256", pub, rs("ES384", r384, s384, 32), false, "RFC 7518 §3.4: the curve is the algorithm's"},
		{"ES384 with P-256 in 96 bytes", pub, rs("ES384", r384, s384, 48), false, "RFC 7518 §3.4: the curve is the algorithm's"},
		{"ES256K with P-256", pub, rs("ES256K", r, s, 32), false, "RFC 8812 §3.2: another curve"},
		{"the key says P-384", jwk(w.ec, with("crv", "P-384")), rs("ES256", r, s, 32), false, "the point is on another curve"},
		{"the key has a point that is not on the curve", jwk(w.ec, with("y", "AAAA")), rs("ES256", r, s, 32), false, "invalid curve attacks"},
		{"the key is the point at infinity", jwk(w.ec, map[string]any{"x": "AA", "y": "AA"}), rs("ES256", r, s, 32), false, "no public key"},
		{"the key has no y", jwk(w.ec, with("y", nil)), rs("ES256", r, s, 32), false, "RFC 7518 §6.2.1.3"},
		{"the key is for agreement", jwk(w.ec, with("alg", "ECDH-ES")), rs("ES256", r, s, 32), false, "RFC 7517 §4.4"},
		{"the key derives bits", jwk(w.ec, with("key_ops", []string{"deriveBits"})), rs("ES256", r, s, 32), false, "RFC 7517 §4.3"},
		{"HS256 with the key's x", pub, hmacWith(w.ec.X.Bytes()), false, "ATTACKS 31"},
	}
}

func (w *workbench) edVectors() []vector {
	pub := jwk(w.ed, nil)
	in := input(header("EdDSA"))
	sig := ed25519.Sign(w.ed, []byte(in))
	// S + L, little-endian: the same equation holds for it.
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	le := slices.Clone(sig[32:])
	slices.Reverse(le)
	sum := new(big.Int).Add(new(big.Int).SetBytes(le), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return []vector{
		{"EdDSA", pub, token(in, sig), true, "RFC 8037 §3.1"},
		{"S + L", pub, token(in, append(sig[:32:32], sum...)), false, "RFC 8032 §5.1.7: S is below the order"},
		{"zeros", pub, token(in, make([]byte, 64)), false, "a signature that was never set"},
		{"cut off", pub, token(in, sig[:63]), false, "RFC 8032 §5.1.7: 64 bytes"},
		{"a byte more", pub, token(in, append(sig[:64:64], 0)), false, "RFC 8032 §5.1.7: 64 bytes"},
		{"called ES256", pub, token(input(header("ES256")), sig), false, "the key's type is the algorithm's"},
		{"the key says X25519", jwk(w.ed, with("crv", "X25519")), token(in, sig), false, "RFC 8037 §3.2: for agreement"},
		{"the key says P-256", jwk(w.ed, map[string]any{"kty": "EC", "crv": "P-256"}), token(in, sig), false, "RFC 7518 §6.2"},
		{"the key is of small order", jwk(w.ed, with("x", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), token(in, append([]byte{1}, make([]byte, 63)...)), false,
			"everybody can sign"},
		{"the key is short", jwk(w.ed, with("x", "AAAA")), token(in, sig), false, "RFC 8037 §2"},
	}
}

// formVectors are about what surrounds a signature, which is right in all of them.
func (w *workbench) formVectors() []vector {
	oct := jwk(w.secret, nil)
	hs := func(header string) string { return w.hmac(header, sha256.New) }
	good := hs(header("HS256"))
	p := strings.Split(good, ".")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, p[2][len(p[2])-1])
	signed := func(in string) string {
		m := hmac.New(sha256.New, w.secret)
		m.Write([]byte(in))
		return token(in, m.Sum(nil))
	}
	return []vector{
		{"blanks in the header", oct, hs("{ \"alg\" : \"HS256\",\r\n \"kid\":\"k\" }"), true, "RFC 8259 §2"},
		{"members that nobody knows", oct, hs(`{"alg":"HS256","kid":"k","x":[{}],"jku":"https://evil.example.com/"}`), true, "RFC 7515 §4: ignored"},
		{"no alg", oct, hs(`{"kid":"k"}`), false, "RFC 7515 §4.1.1"},
		{"alg is a list", oct, hs(`{"alg":["HS256"],"kid":"k"}`), false, "RFC 7515 §4.1.1"},
		{"alg is null", oct, hs(`{"alg":null,"kid":"k"}`), false, "RFC 7515 §4.1.1"},
		{"alg is none, with a signature", oct, hs(header("none")), false, "ATTACKS 31"},
		{"alg is none, without one", oct, input(header("none")) + ".", false, "ATTACKS 31"},
		{"alg is nOnE, without one", oct, input(header("nOnE")) + ".", false, "ATTACKS 31"},
		{"a blank after alg", oct, hs(header("HS256 ")), false, "RFC 7515 §4.1.1: compared as it is"},
		{"crit that is not understood", oct, hs(`{"alg":"HS256","kid":"k","crit":["exp"],"exp":1}`), false, "RFC 7515 §4.1.11"},
		{"crit of nothing", oct, hs(`{"alg":"HS256","kid":"k","crit":[]}`), false, "RFC 7515 §4.1.11: not empty"},
		{"a payload that is not encoded", oct, hs(`{"alg":"HS256","kid":"k","crit":["b64"],"b64":false}`), false, "RFC 7797 §7: not in a JWT"},
		{"rubbish after the header", oct, hs(`{"alg":"HS256","kid":"k"}{}`), false, "RFC 7515 §5.2: one JSON object"},
		{"a byte order mark", oct, hs("\ufeff" + header("HS256")), false, "RFC 8259 §8.1"},
		{"the header is a text", oct, hs(`"HS256"`), false, "RFC 7515 §5.2: an object"},
		{"kid is a number", oct, hs(`{"alg":"HS256","kid":5}`), false, "RFC 7515 §4.1.4"},
		{"kid with a zero byte", oct, hs(`{"alg":"HS256","kid":"k\u0000"}`), false, "RFC 7515 §4.1.4: compared as it is"},
		{"no kid, and one key", oct, hs(`{"alg":"HS256"}`), true, "RFC 7515 §4.1.4: optional"},
		{"padding after the header", oct, signed(p[0] + "=." + p[1]), false, "RFC 7515 §2: no padding"},
		{"padding after the payload", oct, signed(p[0] + "." + p[1] + "="), false, "RFC 7515 §2: no padding"},
		{"padding after the signature", oct, good + "=", false, "RFC 7515 §2: no padding"},
		{"the other alphabet", oct, signed(p[0] + "." + p[1] + "+/"), false, "RFC 7515 §2: base64url"},
		{"a line end in the payload", oct, signed(p[0] + "." + p[1][:4] + "\n" + p[1][4:]), false, "RFC 7515 §2: no line ends"},
		{"a line end after the signature", oct, good + "\n", false, "RFC 7515 §2: no line ends"},
		{"a blank in the signature", oct, good[:len(good)-4] + " " + good[len(good)-4:], false, "RFC 7515 §2"},
		{"bits that no byte needs", oct, p[0] + "." + p[1] + "." + p[2][:len(p[2])-1] + alphabet[last^1:last^1+1], false, "one text for one token"},
		{"a fourth part", oct, good + ".", false, "RFC 7515 §7.1"},
		{"two parts", oct, p[0] + "." + p[1], false, "RFC 7515 §7.1"},
		{"a detached payload", oct, p[0] + ".." + p[2], false, "RFC 7515 appendix F: not in a JWT"},
		{"JSON serialization", oct, `{"payload":"` + p[1] + `","protected":"` + p[0] + `","signature":"` + p[2] + `"}`, false, "RFC 7519 §3: compact"},
		{"another payload", oct, p[0] + "." + enc([]byte(`{"sub":"admin"}`)) + "." + p[2], false, "it is signed"},
		{"another header", oct, enc([]byte(`{"kid":"k","alg":"HS256"}`)) + "." + p[1] + "." + p[2], false, "it is signed"},
	}
}

func TestVectors(t *testing.T) {
	w := newWorkbench(t)
	const options = `{"algorithms":["HS256","HS384","HS512","RS256","RS384","RS512","PS256","PS384","PS512","ES256","ES384","ES512","EdDSA"]}`
	for kind, vectors := range map[string][]vector{
		"HMAC": w.hmacVectors(), "RSA": w.rsaVectors(), "EC": w.ecVectors(), "Ed25519": w.edVectors(), "form": w.formVectors(),
	} {
		for _, v := range vectors {
			t.Run(kind+"/"+v.name, func(t *testing.T) {
				key, err := json.Marshal(v.key)
				if err != nil {
					t.Fatal(err)
				}
				// As a key of the configuration, and, where it is public, as one of a provider.
				secrets := map[string]string{"own": string(key)}
				if v.key["kty"] != "oct" {
					secrets["fetched"] = `"` + keysURL + `"`
				}
				for how, secret := range secrets {
					env := plugintest.Env(t)
					env.Native = true
					env.HTTP = client(map[string]string{keysURL: `{"keys":[` + string(key) + `]}`})
					got := http.StatusUnauthorized // a key that is refused verifies nothing
					config := json.RawMessage(`{"config":{"secret":` + secret + `,"options":` + options + `}}`)
					if p, err := plugintest.Build(plugins.Of(jwt.New), config, env); err == nil {
						got = status(t, p, v.token)
					} else if v.pass {
						t.Fatalf("%s: Build = %v", how, err)
					}
					want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[v.pass]
					if got != want {
						t.Errorf("%s: Verify = %d, want %d: %s", how, got, want, v.why)
					}
				}
			})
		}
	}
}

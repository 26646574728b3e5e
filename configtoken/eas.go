package configtoken

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the format demands it, and tokens in use are in it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
)

// EASKeys seal and open external-auth-server's format: base64 of AES-256-CBC over a JWT signed with HS256, HS384 or
// HS512.
//
// Nothing authenticates the ciphertext, so that a stranger may change it and watch what happens. Therefore opening does
// the same work for every text of one length, right or wrong, up to the moment that the signature is found good: one
// pass of AES, no early end on bad padding, and all three HMACs over the same number of blocks; and it gives one error.
//
// Printing EASKeys shows nothing of them.
type EASKeys struct {
	block cipher.Block
	iv    []byte
	macs  []mac
}

// mac is one of the algorithms that a JWT may be signed with (RFC 7518 §3.2), under our secret.
type mac struct {
	alg     string
	sig     int // length of a signature in base64url
	new     func() hash.Hash
	trailer int // what a message's padding takes at least (FIPS 180-4 §5.1)
}

// NewEASKeys derives the keys of EAS_CONFIG_TOKEN_SIGN_SECRET, EAS_CONFIG_TOKEN_ENCRYPT_SECRET and
// EAS_ENCRYPT_IV_SECRET.
//
// Without an IV secret ("") key and IV are those of OpenSSL's EVP_BytesToKey with MD5, one round and no salt. With one
// they are the first 32 characters of the hexadecimal SHA-256 of the encryption secret, and the first 16 of that of
// the IV secret.
func NewEASKeys(sign, encrypt, iv string) (*EASKeys, error) {
	if sign == "" {
		return nil, errors.New("config token: EAS format: the signing secret is empty")
	}
	if encrypt == "" {
		return nil, errors.New("config token: EAS format: the encryption secret is empty")
	}
	k := &EASKeys{}
	var key []byte
	if iv == "" {
		key, k.iv = bytesToKey(encrypt)
	} else {
		key, k.iv = hexSHA256(encrypt)[:32], hexSHA256(iv)[:aes.BlockSize]
	}
	var err error
	if k.block, err = aes.NewCipher(key); err != nil {
		return nil, err
	}
	secret := []byte(sign)
	k.macs = []mac{
		{"HS256", 43, func() hash.Hash { return hmac.New(sha256.New, secret) }, 1 + 8},
		{"HS384", 64, func() hash.Hash { return hmac.New(sha512.New384, secret) }, 1 + 16},
		{"HS512", 86, func() hash.Hash { return hmac.New(sha512.New, secret) }, 1 + 16},
	}
	return k, nil
}

// bytesToKey is EVP_BytesToKey(3) as Node's createDecipher calls it for aes-256-cbc.
func bytesToKey(secret string) (key, iv []byte) {
	var out, last []byte
	for len(out) < 32+aes.BlockSize {
		sum := md5.Sum(append(last, secret...)) //nolint:gosec // see the import
		last = sum[:]
		out = append(out, last...)
	}
	return out[:32], out[32:]
}

func hexSHA256(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return []byte(hex.EncodeToString(sum[:]))
}

// Format prints none of the keys, whatever the verb.
func (k *EASKeys) Format(f fmt.State, _ rune) { fmt.Fprint(f, "EAS keys") }

// Seal makes a token that EAS opens too, signed with HS256, in base64url without padding. It wants what
// [Keyring.Sealer] wants.
func (k *EASKeys) Seal(claims json.RawMessage) (string, error) {
	payload, err := sealable(claims)
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	m := k.macs[0]
	jwt := b64.AppendEncode(nil, []byte(`{"alg":"HS256","typ":"JWT"}`))
	jwt = append(jwt, '.')
	jwt = b64.AppendEncode(jwt, payload)
	h := m.new()
	h.Write(jwt)
	jwt = b64.AppendEncode(append(jwt, '.'), h.Sum(nil))
	pad := aes.BlockSize - len(jwt)%aes.BlockSize
	jwt = append(jwt, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(k.block, k.iv).CryptBlocks(jwt, jwt)
	return bounded(b64.EncodeToString(jwt))
}

// open opens sealed text.
func (k *EASKeys) open(sealed string) (Token, error) {
	if len(sealed) > MaxSealed {
		return Token{}, ErrUnreadable
	}
	raw := decodeLenient(sealed)
	n := len(raw) &^ (aes.BlockSize - 1)
	if n == 0 {
		return Token{}, ErrUnreadable
	}
	cipher.NewCBCDecrypter(k.block, k.iv).CryptBlocks(raw[:n], raw[:n])
	end, good := unpad(raw[:n])
	good &= subtle.ConstantTimeEq(int32(n), int32(len(raw)))
	claims := k.verify(raw[:n], end, good)
	if claims == nil {
		return Token{}, ErrUnreadable
	}
	return easToken(claims)
}

// openSigned opens a JWT that is signed but not encrypted.
func (k *EASKeys) openSigned(jwt string) (Token, error) {
	if len(jwt) > MaxSealed {
		return Token{}, ErrUnreadable
	}
	claims := k.verify([]byte(jwt), len(jwt), 1)
	if claims == nil {
		return Token{}, ErrUnreadable
	}
	return easToken(claims)
}

func easToken(claims []byte) (Token, error) {
	t, err := parse(EAS, claims)
	if err != nil {
		return Token{}, ErrUnreadable
	}
	return t, nil
}

// unpad returns where the text ends in front of its PKCS #7 padding, and 1 if that is well-formed, else 0 and some end.
// It takes the same time for all contents.
func unpad(plain []byte) (end, good int) {
	last := plain[len(plain)-1]
	pad := int(last)
	good = subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, aes.BlockSize)
	for i := 1; i <= aes.BlockSize; i++ {
		outside := 1 ^ subtle.ConstantTimeLessOrEq(i, pad)
		good &= outside | subtle.ConstantTimeByteEq(plain[len(plain)-i], last)
	}
	return len(plain) - subtle.ConstantTimeSelect(good, pad, 1), good
}

// verify returns the payload of the JWT buf[:end] if good is 1 and one of the MACs is right, else nil.
// Where a signature must begin follows from the algorithm, so nothing in the text is searched or parsed before it is
// known to be a key holder's; what the text's length takes off the work is done on nothing.
func (k *EASKeys) verify(buf []byte, end, good int) []byte {
	var signed []byte
	var by string
	for _, m := range k.macs {
		dot := max(end-m.sig-1, 0)
		h := m.new()
		h.Write(buf[:dot])
		want := base64.RawURLEncoding.AppendEncode(nil, h.Sum(nil))
		right := good & subtle.ConstantTimeCompare(want, buf[min(dot+1, end):end]) & subtle.ConstantTimeByteEq(buf[dot], '.')
		m.waste(len(buf), dot)
		if right == 1 {
			signed, by = buf[:dot], m.alg
		}
	}
	if signed == nil {
		return nil
	}
	return jwtPayload(signed, by)
}

// waste hashes as many blocks as a message of length most takes more than one of length done.
func (m mac) waste(most, done int) {
	h := m.new()
	size := h.BlockSize()
	blocks := func(length int) int { return (length + m.trailer + size - 1) / size }
	h.Write(make([]byte, (blocks(most)-blocks(done))*size))
	h.Sum(nil)
}

// jwtPayload returns the payload of "header.payload" if the header names the algorithm that the signature is good for.
func jwtPayload(signed []byte, alg string) []byte {
	first, second, ok := bytes.Cut(signed, []byte("."))
	if !ok || bytes.IndexByte(second, '.') >= 0 {
		return nil
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	if json.Unmarshal(decodeLenient(string(first)), &header) != nil || header.Algorithm != alg {
		return nil
	}
	return decodeLenient(string(second))
}

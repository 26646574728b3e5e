package configtoken

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"strings"
	"testing"
)

func TestEASRecorded(t *testing.T) {
	d := readJSON[recorded](t, "testdata/eas.json")
	for _, c := range d.Tokens {
		keys := must[*EASKeys](t)(NewEASKeys(d.Sign, d.Encrypt, c.IV))
		tok, err := urlOpen(t, Formats{EAS: keys, Native: NewLive(newRing(t))})(c.Text)
		if (err == nil) != c.Opens || err != nil && !unreadable(err) {
			t.Errorf("Open(%s) = %v, want opens = %v", c.Name, err, c.Opens)
		}
		if err == nil && (tok.Format != EAS || !json.Valid(tok.Claims)) {
			t.Errorf("Open(%s) = %v %s, want claims in EAS's format", c.Name, tok.Format, tok.Claims)
		}
	}
}

// What a file store of EAS holds, handed on as the JSON of each value.
func TestStoreRecorded(t *testing.T) {
	// Where EAS denies and we open: it is broken there, or refuses later for what is inside.
	differs := map[string]string{
		"store-015": "expired: Token.Check says so",
		"store-033": "revoked: Revocations says so",
		"store-004": "sealed although plain ones are allowed", "store-028": "same", "store-030": "same", "store-036": "same",
		"store-006": "signed only: EAS verifies it with its quotes",
		"store-040": "no configuration inside: the compiler says so",
	}
	d := readJSON[recorded](t, "testdata/eas.json")
	keys := must[*EASKeys](t)(NewEASKeys(d.Sign, d.Encrypt, ""))
	for _, c := range d.Store {
		o := must[Opener](t)(NewStoreOpener(Formats{EAS: keys, AllowPlain: c.Plain}))
		_, err := o.Open(string(c.Value))
		want := c.Status == 200
		if _, ok := differs[strings.Fields(c.Name)[0]]; ok {
			if want {
				t.Errorf("%s: in the list of differences without being one", c.Name)
			}
			want = true
		}
		if (err == nil) != want || err != nil && !unreadable(err) {
			t.Errorf("Open(%s) = %v, want opens = %v", c.Name, err, want)
		}
	}
}

func TestDecodeLenient(t *testing.T) {
	for _, c := range readJSON[recorded](t, "testdata/eas.json").Base64 {
		if got := hex.EncodeToString(decodeLenient(c.In)); got != c.Want {
			t.Errorf("decodeLenient(%q) = %s, want %s", c.In, got, c.Want)
		}
	}
}

func TestEASKeysWant(t *testing.T) {
	for _, c := range [][2]string{{"", "bar"}, {"foo", ""}} {
		if _, err := NewEASKeys(c[0], c[1], ""); err == nil {
			t.Errorf("NewEASKeys(%q, %q) = nil, want an error: an empty secret is everybody's", c[0], c[1])
		}
	}
}

func TestEASSeal(t *testing.T) {
	keys := easKeys(t)
	sealed := must[string](t)(keys.Seal(json.RawMessage(" " + noop)))
	if strings.ContainsAny(sealed, "+/=%") {
		t.Errorf("Seal = %s, want text that is safe in a URL", sealed)
	}
	tok, err := urlOpen(t, Formats{EAS: keys})(sealed)
	if err != nil || string(tok.Claims) != noop {
		t.Errorf("Open = %s, %v, want %s", tok.Claims, err, noop)
	}
	other := must[*EASKeys](t)(NewEASKeys("foo2", "bar", ""))
	if _, err := urlOpen(t, Formats{EAS: other})(sealed); !unreadable(err) {
		t.Errorf("Open with another signing secret = %v, want %v", err, ErrUnreadable)
	}
}

// easSeal seals any payload under any header, as only a key holder can.
func easSeal(k *EASKeys, m mac, header, payload string) string {
	b64 := base64.RawURLEncoding
	jwt := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	h := m.new()
	h.Write([]byte(jwt))
	plain := []byte(jwt + "." + b64.EncodeToString(h.Sum(nil)))
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(k.block, k.iv).CryptBlocks(plain, plain)
	return b64.EncodeToString(plain)
}

// What a stranger may learn from EAS's format is what its failures have in common: one error and one amount of work.
// ATTACKS 37: each bit of each byte flipped, which also makes every kind of bad padding, in tokens of many lengths,
// because hashing costs by the block.
func TestEASFailuresAlike(t *testing.T) {
	for alg := range 3 {
		for more := range 16 {
			keys := easKeys(t)
			m := keys.macs[alg]
			raw := decodeLenient(easSeal(keys, m, fmt.Sprintf(`{"alg":%q}`, m.alg), `{"a":"`+strings.Repeat("a", 12*more)+`"}`))
			w := count(keys)
			open := func() error {
				_, err := keys.open(base64.RawURLEncoding.EncodeToString(raw))
				return err
			}
			if err := open(); err != nil {
				t.Fatal(err)
			}
			want := w.take()
			if want.aes == 0 || want.compressions == 0 {
				t.Fatalf("work = %+v, counts nothing", want)
			}
			for i := range raw {
				for bit := range 8 {
					raw[i] ^= 1 << bit
					if err := open(); !unreadable(err) {
						t.Fatalf("%s, byte %d bit %d flipped: Open = %v, want %v", m.alg, i, bit, err, ErrUnreadable)
					}
					raw[i] ^= 1 << bit
					if got := w.take(); got != want {
						t.Fatalf("%s, byte %d bit %d flipped: work = %+v, want %+v as for the right token", m.alg, i, bit, got, want)
					}
				}
			}
		}
	}
}

// A good MAC over a text that Node would not have decrypted stays closed: one token, as few spellings as EAS has.
func TestEASPadding(t *testing.T) {
	keys := easKeys(t)
	m := keys.macs[0]
	for name, tail := range map[string]string{"right": "\x01", "too long": "\x07", "none": "\x00", "beyond a block": "\x11"} {
		n := 0
		for ; ; n++ { // until one byte of padding is what it takes
			jwt := decrypt(keys, easSeal(keys, m, `{"alg":"HS256"}`, `{"a":"`+strings.Repeat("a", n)+`"}`))
			if len(jwt)%aes.BlockSize != aes.BlockSize-1 {
				continue
			}
			plain := []byte(jwt + tail)
			cipher.NewCBCEncrypter(keys.block, keys.iv).CryptBlocks(plain, plain)
			_, err := keys.open(base64.RawURLEncoding.EncodeToString(plain))
			if (err == nil) != (name == "right") {
				t.Errorf("padding %s: Open = %v", name, err)
			}
			break
		}
	}
	raw := append(decodeLenient(must[string](t)(keys.Seal(json.RawMessage(noop)))), 0)
	if _, err := keys.open(base64.RawURLEncoding.EncodeToString(raw)); !unreadable(err) {
		t.Errorf("bytes behind the last block: Open = %v, want %v", err, ErrUnreadable)
	}
}

// The texts with the last byte of the plain text chosen freely: a padding oracle would tell one of them from the rest.
func TestEASNoPaddingOracle(t *testing.T) {
	keys := easKeys(t)
	w := count(keys)
	seen := map[work]int{}
	for last := range 256 {
		raw := make([]byte, 32)
		raw[15] = byte(last)
		if _, err := keys.open(base64.StdEncoding.EncodeToString(raw)); !unreadable(err) {
			t.Fatalf("Open = %v, want %v", err, ErrUnreadable)
		}
		seen[w.take()]++
	}
	if len(seen) != 1 {
		t.Errorf("work differs with the padding: %v", seen)
	}
}

// work is what the primitives under an EASKeys were asked to do.
type work struct{ aes, hashes, compressions int }

type counter struct{ work }

func (c *counter) take() work {
	w := c.work
	c.work = work{}
	return w
}

// count has k report its work from now on.
func count(k *EASKeys) *counter {
	c := new(counter)
	k.block = countedBlock{k.block, c}
	for i := range k.macs {
		m := &k.macs[i]
		inner, trailer := m.new, m.trailer
		m.new = func() hash.Hash { return &countedHash{Hash: inner(), c: c, trailer: trailer} }
	}
	return c
}

type countedBlock struct {
	cipher.Block
	c *counter
}

func (b countedBlock) Decrypt(dst, src []byte) {
	b.c.aes++
	b.Block.Decrypt(dst, src)
}

type countedHash struct {
	hash.Hash
	c          *counter
	n, trailer int
}

func (h *countedHash) Write(p []byte) (int, error) {
	h.n += len(p)
	return h.Hash.Write(p)
}

func (h *countedHash) Sum(b []byte) []byte {
	h.c.hashes++
	h.c.compressions += (h.n + h.trailer + h.BlockSize() - 1) / h.BlockSize()
	return h.Hash.Sum(b)
}

func TestEASClaims(t *testing.T) {
	keys := easKeys(t)
	cases := []struct {
		name, claims string
		want         Token // Format and, unless given, Claims are filled in
		unreadable   bool
	}{
		{name: "nothing registered", claims: `{}`},
		{name: "not an object", claims: `"{}"`, unreadable: true},
		{name: "null", claims: `null`, unreadable: true},
		{name: "a list", claims: `[]`, unreadable: true},
		{name: "two values", claims: `{}{}`, unreadable: true},
		{name: "not JSON", claims: `{eas: 1}`, unreadable: true},
		{name: "empty", claims: ``, unreadable: true},
		{name: "exp", claims: `{"exp":4070908800}`, want: Token{Expires: 4070908800}},
		{name: "exp as a string", claims: `{"exp":"4070908800"}`, unreadable: true},
		{name: "exp null", claims: `{"exp":null}`, unreadable: true},
		{name: "exp with a fraction", claims: `{"exp":10.2}`, want: Token{Expires: 11}},
		{name: "exp 0 is long past, not missing", claims: `{"exp":0}`, want: Token{Expires: 1}},
		{name: "exp beyond all numbers", claims: `{"exp":1e999}`, want: Token{Expires: 1<<63 - 1}},
		{name: "exp before all numbers", claims: `{"exp":-1e999}`, want: Token{Expires: -1 << 63}},
		{name: "nbf", claims: `{"nbf":1.6e9}`, want: Token{NotBefore: 1600000000}},
		{name: "nbf as a list", claims: `{"nbf":[1]}`, unreadable: true},
		{name: "iat is not looked at", claims: `{"iat":"never"}`},
		{name: "jti", claims: `{"jti":"a\u0062"}`, want: Token{ID: "ab"}},
		{name: "jti number", claims: `{"jti":42}`, want: Token{ID: "42"}},
		{name: "jti number with a fraction of nothing", claims: `{"jti":42.0}`, want: Token{ID: "42"}},
		{name: "jti with an exponent", claims: `{"jti":4.2e1}`, want: Token{ID: "42"}},
		{name: "jti minus nothing", claims: `{"jti":-0.0}`, want: Token{ID: "0"}},
		{name: "jti null", claims: `{"jti":null}`},
		// It could never be revoked.
		{name: "jti object", claims: `{"jti":{}}`, unreadable: true},
		{name: "names are case-sensitive", claims: `{"EXP":1,"Jti":"x"}`},
		{name: "the last of two members", claims: `{"jti":"a","eas":{"x":1},"jti":"b","eas":{"y":[{"z":1,"z":"<&>"}]}}`,
			want: Token{ID: "b", Claims: json.RawMessage(`{"jti":"b","eas":{"y":[{"z":"<&>"}]}}`)}},
		{name: "two spellings of one name", claims: `{"exp":1,"\u0065xp":4070908800}`,
			want: Token{Expires: 4070908800, Claims: json.RawMessage(`{"exp":4070908800}`)}},
		{name: "pointer", claims: `{"eas":{"config_token_store_id":"s","config_token_id":"t"}}`, want: Token{Pointer: Pointer{"s", "t"}}},
		{name: "pointer with a number", claims: `{"eas":{"config_token_store_id":"s","config_token_id":1}}`, want: Token{Pointer: Pointer{"s", "1"}}},
		{name: "half a pointer is none", claims: `{"eas":{"config_token_store_id":"s"}}`},
		{name: "pointer to nothing is none", claims: `{"eas":{"config_token_store_id":"s","config_token_id":0}}`},
		{name: "pointer to a list", claims: `{"eas":{"config_token_store_id":"s","config_token_id":["t"]}}`, unreadable: true},
		{name: "eas is a string", claims: `{"eas":"config_token_id"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := keys.open(easSeal(keys, keys.macs[0], `{"alg":"HS256"}`, c.claims))
			if unreadable(err) != c.unreadable {
				t.Fatalf("Open(%s) = %v, want unreadable = %v", c.claims, err, c.unreadable)
			}
			if err != nil {
				return
			}
			if c.want.Format = EAS; c.want.Claims == nil {
				c.want.Claims = json.RawMessage(c.claims)
			}
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("Open(%s) = %+v, want %+v", c.claims, got, c.want)
			}
		})
	}
}

// A header is the key holder's, but a MAC that is good for one algorithm must not stand for another.
func TestEASHeaders(t *testing.T) {
	keys := easKeys(t)
	for header, ok := range map[string]bool{
		`{"alg":"HS256","typ":"JWT"}`: true, `{"alg":"HS256"}`: true,
		`{"alg":"none"}`: false, `{"alg":"HS512"}`: false, `{"alg":"RS256"}`: false, `{}`: false, `[]`: false, ``: false, `{`: false,
	} {
		_, err := keys.open(easSeal(keys, keys.macs[0], header, noop))
		if (err == nil) != ok {
			t.Errorf("Open with header %s = %v, want opens = %v", header, err, ok)
		}
	}
}

func TestSignedOnly(t *testing.T) {
	keys := easKeys(t)
	signed := decrypt(keys, must[string](t)(keys.Seal(json.RawMessage(noop))))
	store := must[Opener](t)(NewStoreOpener(Formats{EAS: keys}))
	native := must[Opener](t)(NewStoreOpener(Formats{Native: NewLive(newRing(t))}))
	cases := []struct {
		name   string
		open   func(string) (Token, error)
		in     string
		opened bool
	}{
		{"in a store", store.Open, signed, true},
		{"in a store, quoted", store.Open, `"` + signed + `"`, true},
		{"in a store, with a newline", store.Open, signed + "\n", true},
		{"in a store, quoted badly", store.Open, `"` + signed, false},
		{"in a store, cut", store.Open, signed[:len(signed)-1], false},
		{"in a store, twice", store.Open, signed + signed, false},
		{"in a store, claims changed", store.Open, strings.Replace(signed, ".e", ".f", 1), false},
		{"in a store, without a signature", store.Open, signed[:strings.LastIndexByte(signed, '.')+1], false},
		{"in a store with EAS's format closed", native.Open, signed, false},
		// Anybody can have got hold of one: a verify URL is not a place to keep secrets.
		{"in a URL", urlOpen(t, Formats{EAS: keys}), signed, false},
	}
	for _, c := range cases {
		if _, err := c.open(c.in); (err == nil) != c.opened || err != nil && !unreadable(err) {
			t.Errorf("%s: Open = %v, want opened = %v", c.name, err, c.opened)
		}
	}
}

func decrypt(k *EASKeys, sealed string) string {
	raw := decodeLenient(sealed)
	cipher.NewCBCDecrypter(k.block, k.iv).CryptBlocks(raw, raw)
	end, _ := unpad(raw)
	return string(raw[:end])
}

package jwks

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"
)

// What a text is, is for plugins/jwt to test. Here: no text is a panic, takes long, is a key and a mistake at once, or a
// key that suits no algorithm.
func FuzzRead(f *testing.F) {
	for _, ex := range examples {
		f.Add(ex.key)
		f.Add(base64.StdEncoding.EncodeToString([]byte(ex.key)))
	}
	for _, text := range []string{
		"", " ", `"`, `""`, "{", "[]", "null", "MIIBIjANBgkq", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "30", "https://x", "//x.y/z",
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==",
		"ssh-rsa AAAAB3NzaC1yc2E", "${X}", "/etc/passwd", `C:\x`, "a.b", "{\"keys\":[" + oct + "]}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		s, err := Read(text)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("Read took %v", took)
		}
		var m *Mistake
		if err != nil && (!errors.As(err, &m) || s != nil || m.Error() == "") {
			t.Fatalf("Read = %v, %v", s, err)
		}
		if s == nil {
			return
		}
		for _, k := range s.All() {
			if len(k.Algorithms()) == 0 {
				t.Errorf("a key of %q that suits nothing", text)
			}
		}
	})
}

package htpasswd

import (
	"strings"
	"testing"
)

func TestClassifyAndCheck(t *testing.T) {
	for _, tt := range []struct {
		name, hash, password string
		want                 kind
	}{
		{"sha", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password", sha1Sum},
		{"ssha", "{SSHA}rXVtWiPAY6/w8MuTLKIjpBjj2mtzYWx0MTIzNA==", "password", saltedSHA1},
		{"apr1", "$apr1$pKfgiFPf$hsa4Yluo7Z.rzUFYQiE4q0", "password", md5Crypt},
		// External-auth-server hashes the code points of such a password; Apache, OpenSSL and easgate its bytes.
		{"apr1, not ASCII", "$apr1$zZ.1$RZx4KONtshRYgYLbaTiHC.", "pässwörd", md5Crypt},
		{"md5", "$1$abcd1234$Kx528z52Ohx1JLSzliZmw0", "password", md5Crypt},
		{"sha256crypt", "$5$abcd1234$XlvB3CpOlkaj5sw1EhEcQqVbxd2tLewZ78lnAuikubD", "password", shaCrypt},
		{"sha512crypt", "$6$abcd1234$YvgY2eiTln85MjIsPGd3LVMZw7Rf6tkwxbIWnQxMHYNdIvflYDEVKO./2cIoO4XopYM/dA7Lg1S1b5sI1nn1k/", "password", shaCrypt},
		{"sha512crypt with rounds", "$6$rounds=1000$salt$O0nhCLTaysO7YRx7RhswA9LUudDbe8n/29Fg0mCv48MlTSygeX82/gn5a5m7.zIERei.MTm0LX6AbQbQLYGS5.", "password", shaCrypt},
		{"bcrypt 2y", "$2y$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.", "password", bcryptKind},
		{"bcrypt 2b", "$2b$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.", "password", bcryptKind},
		{"bcrypt 2a", "$2a$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.", "password", bcryptKind},
		{"bcrypt, 80 bytes", "$2a$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe", strings.Repeat("a", 80), bcryptKind},
		{"bcrypt, not ASCII", "$2a$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC", "pässwörd", bcryptKind},
		{"des", "t2D9yT55hLHZg", "password", desCrypt},
		{"des, only eight bytes count", "t2D9yT55hLHZg", "passwordEXTRA", desCrypt},
		{"plain", "builder", "builder", plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, _, err := classify(tt.hash, true)
			if err != nil || k != tt.want {
				t.Fatalf("classify(%s) = %v, %v, want %v", tt.hash, k, err, tt.want)
			}
			if !k.check(tt.hash, tt.password) {
				t.Errorf("check(%q) = false, want true", tt.password)
			}
			// The hash itself as the password is an attack, unless it is the password.
			for _, wrong := range []string{"", "bad", "b" + tt.password, strings.ToUpper(tt.password), tt.hash, strings.Repeat("x", 20_000)} {
				if wrong == tt.password && k == plain {
					continue
				}
				if k.check(tt.hash, wrong) {
					t.Errorf("check(%.40q) = true, want false", wrong)
				}
			}
		})
	}
}

// A hash that we do not know must not log in with itself as the password (ATTACKS 52).
func TestUnknownHashes(t *testing.T) {
	for name, hash := range map[string]string{
		"empty":                            "",
		"one letter":                       "x",
		"bcrypt before its fix":            "$2x$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.",
		"the first bcrypt":                 "$2$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.",
		"bcrypt for a year":                "$2y$99$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.",
		"bcrypt for half a minute":         "$2y$17$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.",
		"bcrypt too cheap":                 "$2y$03$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.",
		"bcrypt cut off":                   "$2y$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup",
		"bcrypt and more":                  "$2y$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup. ",
		"apr1 cut off":                     "$apr1$abc",
		"apr1 with a long salt":            "$apr1$abcdefghi$hsa4Yluo7Z.rzUFYQiE4q0",
		"SHA without padding":              "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g",
		"SHA in lower case":                "{sha}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
		"SHA of nothing":                   "{SHA}",
		"SHA and a comment":                "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=:comment",
		"SHA after a space":                " {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
		"short SSHA":                       "{SSHA}c2FsdA==",
		"sha512crypt, cut off":             "$6$abcd1234$YvgY2eiTln85",
		"sha512crypt, the length of 256":   "$6$abcd1234$XlvB3CpOlkaj5sw1EhEcQqVbxd2tLewZ78lnAuikubD",
		"sha512crypt, few rounds":          "$6$rounds=10$salt$O0nhCLTaysO7YRx7RhswA9LUudDbe8n/29Fg0mCv48MlTSygeX82/gn5a5m7.zIERei.MTm0LX6AbQbQLYGS5.",
		"sha512crypt, for an hour":         "$6$rounds=999999999$salt$O0nhCLTaysO7YRx7RhswA9LUudDbe8n/29Fg0mCv48MlTSygeX82/gn5a5m7.zIERei.MTm0LX6AbQbQLYGS5.",
		"sha512crypt, words for rounds":    "$6$turns=1000$salt$O0nhCLTaysO7YRx7RhswA9LUudDbe8n/29Fg0mCv48MlTSygeX82/gn5a5m7.zIERei.MTm0LX6AbQbQLYGS5.",
		"sha512crypt, nothing for a salt":  "$6$$O0nhCLTaysO7YRx7RhswA9LUudDbe8n/29Fg0mCv48MlTSygeX82/gn5a5m7.zIERei.MTm0LX6AbQbQLYGS5.",
		"argon2":                           "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
		"yescrypt":                         "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
		"crypt, a character outside":       "t2D9yT55hLHZ!",
		"crypt, BSDi's":                    "_J9..K0AyUubDrsKzgQ2",
		"crypt with something in its salt": "t:D9yT55hLHZg",
		"locked":                           "!",
		"locked, another way":              "*",
	} {
		t.Run(name, func(t *testing.T) {
			k, _, err := classify(hash, false)
			if k != unknown || err == nil {
				t.Fatalf("classify(%s) = %v, %v, want an error", hash, k, err)
			}
			if hash != "" && strings.Contains(err.Error(), hash) {
				t.Errorf("the error holds the hash: %v", err)
			}
			if name := map[string]string{"argon2": "argon2", "yescrypt": "yescrypt", "the first bcrypt": "first bcrypt"}[name]; !strings.Contains(err.Error(), name) {
				t.Errorf("classify = %v, want it to name %s", err, name)
			}
			for _, password := range []string{"", "password", hash} {
				if k.check(hash, password) {
					t.Errorf("check(%q) = true, want false", password)
				}
			}
			if strings.HasPrefix(hash, "$") || strings.HasPrefix(hash, "{") || hash == "" {
				if k, _, err := classify(hash, true); err == nil {
					t.Errorf("classify(%s) = %v with plain text allowed, want an error", hash, k)
				}
			}
		})
	}
}

// crypt(3) would take it for its first eight bytes; the limit is there for its younger brothers, which do not.
func TestLongPasswordsAreNotHashed(t *testing.T) {
	const hash = "t2D9yT55hLHZg"
	for n, want := range map[int]bool{maxCryptPassword: true, maxCryptPassword + 1: false} {
		if got := desCrypt.check(hash, "password"+strings.Repeat("x", n-8)); got != want {
			t.Errorf("check(%d bytes) = %v, want %v", n, got, want)
		}
	}
}

// Made by crypt(3) of libxcrypt 4.4.
func TestCrypt(t *testing.T) {
	for _, tt := range []struct{ password, want string }{
		{"password", "t2D9yT55hLHZg"},
		{"password", "..UZoIyj/Hy/c"},
		{"password", "zzXUHfURnGg8I"},
		{"password", "/.iTV2iP8pLgs"},
		{"password", "SA01VjfokepR."},
		{"password", "F6Z11ZD5ZUfxg"},
		{"passwordEXTRA", "t2D9yT55hLHZg"},
		{"passwordEXTRA", "..UZoIyj/Hy/c"},
		{"passwordEXTRA", "zzXUHfURnGg8I"},
		{"passwordEXTRA", "/.iTV2iP8pLgs"},
		{"passwordEXTRA", "SA01VjfokepR."},
		{"passwordEXTRA", "UDK03yLmpNCek"},
		{"passwor", "t2pFumV4faHaQ"},
		{"passwor", "..IgShEdPFuO."},
		{"passwor", "zzbPlqUkkvYgk"},
		{"passwor", "/.r6clS4DfpwE"},
		{"passwor", "SAHLke53760RU"},
		{"passwor", "ztwnluJ0Tnn6o"},
		{"", "t2pL47DO2yRms"},
		{"", "..X8NBuQ4l6uQ"},
		{"", "zz6dpSdr.LHZw"},
		{"", "/.elhbtlysKy6"},
		{"", "SA5pDi1UPZdys"},
		{"", "wkxC/xxWJkQMM"},
		{"a", "t2NM8dr6ObgBA"},
		{"a", "..4/MD05HLWjI"},
		{"a", "zzJZ5PtvFqi9o"},
		{"a", "/.n5Xb33Dkk1k"},
		{"a", "SAHmAyOycXGzk"},
		{"a", "OArLGWOXDyGD2"},
		{"\x7f~!", "t23VmyXUnMAi2"},
		{"\x7f~!", "..3JY2KVMed/A"},
		{"\x7f~!", "zzrFG5i8qlbQI"},
		{"\x7f~!", "/.PL0p4xkaHCA"},
		{"\x7f~!", "SAzgS.MDN37EY"},
		{"\x7f~!", "y1I.Z0rv/TqJ6"},
		{"correct horse", "t2ua57jmbEsMg"},
		{"correct horse", "..t7aSMt4wgh6"},
		{"correct horse", "zzD/pw812DVCk"},
		{"correct horse", "/.Dl9WF/ZfoKk"},
		{"correct horse", "SAnWzWhDfQzlc"},
		{"correct horse", "lrIeA1ZfOpV0Q"},
		{"12345678", "t2JRciN1hfQGc"},
		{"12345678", "..EXlUiP8mHCU"},
		{"12345678", "zzRtj6pNdfpLE"},
		{"12345678", "/.HRN5uKZbDhw"},
		{"12345678", "SAaCi/Af74H3c"},
		{"12345678", ".t1mtg/iT8N2o"},
		{"Zz.//AAaa", "t2pHQTOV3NzRA"},
		{"Zz.//AAaa", "..P19zajUfZBA"},
		{"Zz.//AAaa", "zzP5X0mQZB8gg"},
		{"Zz.//AAaa", "/./aJxLsfdw16"},
		{"Zz.//AAaa", "SAHCZh5dPO676"},
		{"Zz.//AAaa", "WRqQLD3CyHW4."},
	} {
		if got := crypt(tt.password, tt.want[:2]); got != tt.want {
			t.Errorf("crypt(%q, %q) = %s, want %s", tt.password, tt.want[:2], got, tt.want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{
		"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SSHA}rXVtWiPAY6/w8MuTLKIjpBjj2mtzYWx0MTIzNA==", "$apr1$pKfgiFPf$hsa4Yluo7Z.rzUFYQiE4q0",
		"$1$$Kx528z52Ohx1JLSzliZmw0", "$5$abcd1234$XlvB3CpOlkaj5sw1EhEcQqVbxd2tLewZ78lnAuikubD", "$6$a$b$c", "t2D9yT55hLHZg",
		"$2y$04$kOweg9RDA0/ZyvF6eEUBxekoctOD7SAfJx2afI7uFSuBwDAK6hup.", "$5$rounds=1000$$", "{SSHA}", "x",
	} {
		f.Add(s, "password")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, hash, password string) {
		k, cost, err := classify(hash, false)
		if (err == nil) != (k != unknown) {
			t.Fatalf("classify(%q) = %v, %v", hash, k, err)
		}
		// A hash is never its own password, and dear ones are not worth the fuzzer's time.
		if cost < 2000 && (k.check(hash, hash) || k == unknown && k.check(hash, password)) {
			t.Errorf("check(%q) = true, want false", hash)
		}
	})
}

package htpasswd

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tg123/go-htpasswd"
)

// A kind is a way to store passwords. The zero value is one that nothing matches.
type kind uint8

const (
	unknown kind = iota
	plain
	sha1Sum    // {SHA}
	saltedSHA1 // {SSHA}
	desCrypt   // crypt(3)'s first: 13 characters
	md5Crypt   // $apr1$, $1$
	shaCrypt   // $5$, $6$
	bcryptKind // $2a$, $2b$, $2y$
)

// Limits of what one guess may cost the server: a few seconds of one processor at their worst.
const (
	maxBcryptCost = 16
	maxSHARounds  = 1_000_000
	// maxCryptPassword is libxcrypt's CRYPT_MAX_PASSPHRASE_SIZE, in bytes: the work of the crypt(3) family grows with
	// the password, in part with its square.
	maxCryptPassword = 512
)

// The hashes as their own programs write them. Anything else is unknown: the libraries behind them take more, and
// answer it with a panic or with a comparison to something shorter.
var (
	desPattern    = regexp.MustCompile(`^[./0-9A-Za-z]{13}$`)
	md5Pattern    = regexp.MustCompile(`^\$(?:apr1|1)\$[!-#%-9;-~]{0,8}\$[./0-9A-Za-z]{22}$`)
	shaPattern    = regexp.MustCompile(`^\$([56])\$(?:rounds=([1-9][0-9]{0,8})\$)?[!-#%-9;-~]{1,16}\$([./0-9A-Za-z]+)$`)
	bcryptPattern = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./0-9A-Za-z]{53}$`)
)

var errUnknownHash = errors.New("unknown hash: want bcrypt (htpasswd -nB USER makes it), apr1, SHA, SSHA, " +
	"MD5-crypt, SHA-crypt or crypt(3)")

// foreign are hashes that are known elsewhere, by how they start.
var foreign = []struct{ prefix, name string }{
	{"$y$", "yescrypt"}, {"$gy$", "gost-yescrypt"}, {"$7$", "scrypt"}, {"$scrypt$", "scrypt"}, {"{SCRYPT}", "scrypt"},
	{"$argon2", "argon2"}, {"{ARGON2", "argon2"}, {"$pbkdf2", "PBKDF2"}, {"{PBKDF2", "PBKDF2"}, {"$sha1$", "sha1crypt"},
	{"$md5", "SunMD5"}, {"$3$", "NT"}, {"$2x$", "bcrypt of a library that had a fault"}, {"$2$", "the first bcrypt"},
	{"{SMD5}", "salted MD5"}, {"{CRYPT}", "LDAP's form of crypt(3): leave {CRYPT} out"},
}

func unknownHash(hash string) error {
	for _, f := range foreign {
		if len(hash) >= len(f.prefix) && strings.EqualFold(hash[:len(f.prefix)], f.prefix) {
			return fmt.Errorf("%s: %w", f.name, errUnknownHash)
		}
	}
	return errUnknownHash
}

// classify finds out how hash was made, and roughly what a check of it costs, in microseconds.
func classify(hash string, allowPlain bool) (k kind, cost int, err error) {
	switch {
	case strings.HasPrefix(hash, "{SHA}"):
		if pw, err := htpasswd.AcceptSha(hash); err == nil && pw != nil {
			return sha1Sum, 0, nil
		}
	case strings.HasPrefix(hash, "{SSHA}"):
		if pw, err := htpasswd.AcceptSsha(hash); err == nil && pw != nil {
			return saltedSHA1, 0, nil
		}
	case md5Pattern.MatchString(hash):
		return md5Crypt, 300, nil
	case desPattern.MatchString(hash):
		return desCrypt, 100, nil
	}
	if m := bcryptPattern.FindStringSubmatch(hash); m != nil {
		cost, _ := strconv.Atoi(m[1])
		if cost < 4 || cost > maxBcryptCost {
			return unknown, 0, fmt.Errorf("bcrypt cost %d: want 4 to %d", cost, maxBcryptCost)
		}
		return bcryptKind, 60 << cost, nil
	}
	if m := shaPattern.FindStringSubmatch(hash); m != nil {
		rounds := 5000
		if m[2] != "" {
			rounds, _ = strconv.Atoi(m[2])
		}
		if rounds < 1000 || rounds > maxSHARounds {
			return unknown, 0, fmt.Errorf("%d rounds: want 1000 to %d", rounds, maxSHARounds)
		}
		if want := map[string]int{"5": 43, "6": 86}[m[1]]; len(m[3]) == want {
			return shaCrypt, rounds, nil
		}
	}
	if allowPlain && hash != "" && !strings.HasPrefix(hash, "$") && !strings.HasPrefix(hash, "{") {
		return plain, 0, nil
	}
	return unknown, 0, unknownHash(hash)
}

// slow reports whether checking takes so long that it is worth queueing for and remembering.
func (k kind) slow() bool { return k >= desCrypt }

// check reports whether hash, which is of kind k, was made from password.
func (k kind) check(hash, password string) bool {
	var accept htpasswd.PasswdParser
	switch k {
	case plain:
		a, b := sha256.Sum256([]byte(hash)), sha256.Sum256([]byte(password))
		return subtle.ConstantTimeCompare(a[:], b[:]) == 1
	case desCrypt, md5Crypt, shaCrypt:
		if len(password) > maxCryptPassword {
			return false
		}
		switch k {
		case desCrypt:
			return subtle.ConstantTimeCompare([]byte(crypt(password, hash[:2])), []byte(hash)) == 1
		case md5Crypt:
			accept = htpasswd.AcceptMd5
		default:
			accept = htpasswd.AcceptCryptSha
		}
	case sha1Sum:
		accept = htpasswd.AcceptSha
	case saltedSHA1:
		accept = htpasswd.AcceptSsha
	case bcryptKind:
		accept = htpasswd.AcceptBcrypt
	default:
		return false
	}
	pw, err := accept(hash)
	return err == nil && pw != nil && pw.MatchesPassword(password)
}

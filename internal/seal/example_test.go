package seal_test

import (
	"fmt"
	"time"

	"github.com/easgate/easgate/internal/seal"
)

func Example() {
	ring := seal.New(map[seal.Purpose]seal.Secrets{
		seal.Session: {Setting: "EAS_SESSION_ENCRYPT_SECRET", Current: []byte("32 random bytes, from a generator")},
		seal.Cookie:  {Setting: "EAS_COOKIE_ENCRYPT_SECRET"},
	}, nil, time.Now)
	box, err := ring.For(seal.Session, "https://app.example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	text := box.Seal([]byte("alice"), time.Now().Add(time.Hour), "session 1")

	plain, err := box.Open(text, time.Now(), "session 1")
	fmt.Println(string(plain), err)
	_, err = box.Open(text, time.Now(), "session 2")
	fmt.Println(err)
	_, err = ring.For(seal.Cookie, "https://app.example.com")
	fmt.Println(err)
	// Output:
	// alice <nil>
	// seal: not sealed here
	// cookie: there is no secret: set EAS_COOKIE_ENCRYPT_SECRET, or EAS_KEYRING_FILE
}

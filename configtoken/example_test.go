package configtoken_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/easgate/easgate/configtoken"
)

// The issuer seals and signs; the server opens, and has been told to take signed tokens alone.
func Example() {
	issuer, err := configtoken.NewKeyring()
	if err != nil {
		log.Fatal(err)
	}
	if issuer, err = issuer.WithSigning(); err != nil {
		log.Fatal(err)
	}
	sealer, err := issuer.Sealer()
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := sealer.Seal(json.RawMessage(`{"jti": "app-1", "eas": {"plugins": [{"type": "noop"}]}}`))
	if err != nil {
		log.Fatal(err)
	}

	server := configtoken.NewLive(issuer.Public())
	opener, err := configtoken.NewOpener(configtoken.Formats{Native: server, RequireSigned: true})
	if err != nil {
		log.Fatal(err)
	}
	token, err := opener.Open(sealed)
	fmt.Println(token.ID, token.Format, err)

	// A key that was replaced opens no more once it has left the keyring.
	fresh, err := issuer.Rotate()
	if err != nil {
		log.Fatal(err)
	}
	server.Swap(fresh.Public())
	_, err = opener.Open(sealed)
	fmt.Println("after rotation:", err)

	stranger, err := configtoken.NewKeyring()
	if err != nil {
		log.Fatal(err)
	}
	server.Swap(stranger)
	_, err = opener.Open(sealed)
	fmt.Println("under another keyring:", err)
	// Output:
	// app-1 native <nil>
	// after rotation: <nil>
	// under another keyring: config token: cannot be opened
}

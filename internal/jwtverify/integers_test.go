package jwtverify

import (
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// Native tokens see the digits that an issuer wrote; for others they are JavaScript's numbers.
func TestIntegers(t *testing.T) {
	token := hs256(jwt, `{"sub":"a","id":9007199254740993,"n":5,"exp":9e9}`)
	for native, want := range map[bool]string{true: "9007199254740993", false: "9007199254740992"} {
		v := newVerifier(t, `{}`, func() time.Time { return noon })
		v.o.Native = native
		verified, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		view, err := v.View(verified)
		if got := query.JSON(view); err != nil || got != `{"sub":"a","id":`+want+`,"n":5,"exp":9000000000}` {
			t.Errorf("native %v: View = %s, %v", native, got, err)
		}
		claims, err := query.FromGo(verified.Identity.Claims)
		if got := query.JSON(claims); err != nil || got != `{"exp":9000000000,"id":`+want+`,"n":5,"sub":"a"}` {
			t.Errorf("native %v: claims = %s, %v", native, got, err)
		}
	}
}

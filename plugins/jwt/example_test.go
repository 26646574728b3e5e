package jwt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/easgate/easgate/plugins"
	plugin "github.com/easgate/easgate/plugins/jwt"
)

func Example() {
	const secret = "down the rabbit-hole, and into the pool of tears"
	p, _, err := plugins.Of(plugin.New).Build(json.RawMessage(`{
		"type": "jwt",
		"realm": "wonderland",
		"config": {"secret": "`+secret+`", "options": {"algorithms": ["HS256"], "audience": "tea-party"}}
	}`), plugins.Env{Native: true, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, audience := range []string{"tea-party", "croquet"} {
		token, err := jwt.Signed(signer).Claims(jwt.Claims{Subject: "alice", Audience: jwt.Audience{audience}}).Serialize()
		if err != nil {
			fmt.Println(err)
			return
		}
		res, err := p.Verify(context.Background(), &plugins.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
		fmt.Println(res.Verdict, res.StatusCode(), res.Identity.Subject, err)
		fmt.Println(res.Header.Get("WWW-Authenticate"))
	}
	// Output:
	// allow 200 alice <nil>
	//
	// deny 401  <nil>
	// Bearer realm="wonderland", error="JsonWebTokenError", error_description="jwt audience invalid. expected: tea-party"
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The pages of docs/providers show the tokens beside them, which lint finds nothing in, and which can be sealed.
func TestProviderPages(t *testing.T) {
	folder, err := filepath.Abs("../../docs/providers")
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(folder + "/*.yaml")
	if err != nil || len(files) != len(imitations) {
		t.Fatalf("%d tokens, and %d that are run; %v", len(files), len(imitations), err)
	}
	t.Chdir(t.TempDir())
	easgate := func(in string, args ...string) string {
		t.Helper()
		var out, complaints bytes.Buffer
		c := testCLI()
		c.In, c.Out, c.Err = strings.NewReader(in), &out, &complaints
		if code := run(t.Context(), c, args); code != 0 {
			t.Errorf("easgate %s exits with %d: %s%s", strings.Join(args, " "), code, &out, &complaints)
		}
		return out.String()
	}
	easgate("", "keys", "new", "--out", "keyring.json")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := filepath.Join(folder, name+".md")
		if shown := fenced(t, page, "yaml"); shown != string(text) {
			t.Errorf("%s does not show %s", page, file)
		}
		written, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"**Not run here**", "](https://"} {
			if !bytes.Contains(written, []byte(want)) {
				t.Errorf("%s does not say %s", page, want)
			}
		}
		if !bytes.Contains(index, []byte("("+name+".md)")) {
			t.Errorf("README.md: no line for %s", name)
		}
		easgate("", "token", "lint", file)
		sealed := easgate("", "token", "seal", "--keyring-file", "keyring.json", file)
		easgate(sealed, "token", "lint", "--keyring-file", "keyring.json")
	}
}

// An imitation is what a provider does in its own way, as far as the one in this process can do it.
type imitation struct {
	// discovery is where its documentation says that the metadata are; "" for none.
	discovery, issuer string
	metadata          map[string]any
	// post says that the client's password is in the form.
	post bool
	// keeps says that a refresh is answered without a refresh token.
	keeps bool
	// asked are parameters of the authorization request.
	asked map[string]string
	// backchannel says that it ends sessions by itself.
	backchannel bool
	// logout is the endpoint that a logout leads to, "" for the site itself.
	logout string
	logins []personLogin
}

// A personLogin is a person as the provider knows one.
type personLogin struct {
	name                  string
	id, access, info, api map[string]any
	// status is the answer to the deep link after the login; headers are some of those for the upstream.
	status  int
	headers map[string]string
}

type object = map[string]any

var imitations = map[string]imitation{
	"keycloak": {
		backchannel: true,
		issuer:      "https://login.example.com/realms/company",
		discovery:   "https://login.example.com/realms/company/.well-known/openid-configuration",
		metadata:    object{"authorization_response_iss_parameter_supported": true},
		logout:      "/logout",
		logins: []personLogin{
			{
				name:   "with the role, which is in the access token only",
				access: object{"realm_access": object{"roles": []string{"default-roles-company", "staff"}}, "azp": "gate"},
				status: 200, headers: map[string]string{"X-Auth-Roles": `["default-roles-company","staff"]`, "X-Auth-Subject": "alice"},
			},
			{name: "with another", access: object{"realm_access": object{"roles": []string{"staffing"}}}, status: 403},
			{name: "a client's role of the name", access: object{"resource_access": object{"gate": object{"roles": []string{"staff"}}}}, status: 403},
			{name: "an access token that is no JWT", status: 403},
		},
	},
	"entra-id": {
		issuer:    "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
		discovery: "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0/.well-known/openid-configuration",
		metadata: object{
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
			"revocation_endpoint":                   nil, "introspection_endpoint": nil,
		},
		logout: "/logout",
		logins: []personLogin{
			{
				name: "with the app role", id: object{"roles": []string{"Staff"}, "oid": "o-1", "tid": "aaaabbbb-0000-cccc-1111-dddd2222eeee", "preferred_username": "alice@example.com"},
				status: 200, headers: map[string]string{"X-Auth-Oid": "o-1", "X-Auth-Name": "alice@example.com"},
			},
			{name: "without", id: object{"oid": "o-2"}, status: 403},
			{name: "in too many groups", id: object{"_claim_names": object{"groups": "src1"}, "_claim_sources": object{"src1": object{"endpoint": "https://graph.microsoft.com/x"}}}, status: 403},
			{name: "of another tenant", id: object{"iss": "https://login.microsoftonline.com/99990000-0000-0000-0000-000000000000/v2.0", "roles": []string{"Staff"}}, status: 403},
		},
	},
	"google": {
		issuer: "https://accounts.google.com", discovery: "https://accounts.google.com/.well-known/openid-configuration",
		metadata: object{"end_session_endpoint": nil, "introspection_endpoint": nil, "authorization_response_iss_parameter_supported": true},
		asked:    map[string]string{"access_type": "offline", "prompt": "consent", "hd": "example.com"},
		keeps:    true,
		logins: []personLogin{
			{
				name: "of the organization", id: object{"hd": "example.com", "email": "alice@example.com"},
				status: 200, headers: map[string]string{"X-Auth-Email": "alice@example.com"},
			},
			{name: "with an address of it, and not of it", id: object{"email": "alice@example.com", "email_verified": true}, status: 403},
			{name: "of another", id: object{"hd": "example.com.evil.example"}, status: 403},
		},
	},
	"github": {
		post: true,
		logins: []personLogin{
			{
				name: "in the team", api: object{"/user": object{"id": 583231, "login": "octocat"}, "/user/teams": []any{team("example", "operators")}},
				status: 200, headers: map[string]string{"X-Auth-Subject": "583231", "X-Auth-Login": "octocat"},
			},
			{name: "in a team of that name elsewhere", api: object{"/user": object{"id": 2, "login": "mallory"}, "/user/teams": []any{team("evil", "operators")}}, status: 403},
			{name: "in none", api: object{"/user": object{"id": 3, "login": "bob"}, "/user/teams": []any{}}, status: 403},
		},
	},
	"okta": {
		issuer: "https://example.okta.com", discovery: "https://example.okta.com/.well-known/openid-configuration",
		logout: "/logout",
		logins: []personLogin{
			{name: "in the group, said by userinfo", info: object{"groups": []string{"Everyone", "staff"}}, status: 200, headers: map[string]string{"X-Auth-Groups": `["Everyone","staff"]`}},
			{name: "in none, or no filter for the claim", status: 403},
		},
	},
	"auth0": {
		backchannel: true,
		issuer:      "https://example.eu.auth0.com/", discovery: "https://example.eu.auth0.com/.well-known/openid-configuration",
		asked:  map[string]string{"audience": "https://api.example.com"},
		logout: "/logout",
		logins: []personLogin{
			{
				name: "with the role", id: object{"https://example.com/roles": []string{"staff"}}, access: object{"aud": []string{"https://api.example.com", "https://example.eu.auth0.com/userinfo"}},
				status: 200, headers: map[string]string{"X-Auth-Subject": "alice", "X-Id-Token": ""},
			},
			{name: "a claim without namespace", id: object{"roles": []string{"staff"}}, status: 403},
			{name: "the issuer without its slash", id: object{"iss": "https://example.eu.auth0.com", "https://example.com/roles": []string{"staff"}}, status: 403},
		},
	},
	"authentik": {
		backchannel: true,
		issuer:      "https://login.example.com/application/o/app/", discovery: "https://login.example.com/application/o/app/.well-known/openid-configuration",
		logout: "/logout",
		logins: []personLogin{
			{name: "in the group", id: object{"groups": []string{"authentik Admins", "staff"}, "preferred_username": "alice"}, status: 200, headers: map[string]string{"X-Auth-Name": "alice"}},
			{name: "in another", id: object{"groups": []string{"staff2"}}, status: 403},
		},
	},
	"dex": {
		issuer: "https://login.example.com/dex", discovery: "https://login.example.com/dex/.well-known/openid-configuration",
		metadata: object{"end_session_endpoint": nil, "revocation_endpoint": nil},
		logins: []personLogin{
			{
				name:   "in the team",
				id:     object{"groups": []string{"example:operators"}, "federated_claims": object{"connector_id": "github", "user_id": "583231"}},
				status: 200, headers: map[string]string{"X-Auth-Groups": `["example:operators"]`},
			},
			{name: "in a group of that name by another connector", id: object{"groups": []string{"example:operators"}, "federated_claims": object{"connector_id": "ldap"}}, status: 403},
			{name: "in another", id: object{"groups": []string{"example:guests"}, "federated_claims": object{"connector_id": "github"}}, status: 403},
		},
	},
}

func team(organization, slug string) object {
	return object{"slug": slug, "organization": object{"login": organization}}
}

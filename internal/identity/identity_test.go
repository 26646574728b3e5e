package identity

import (
	"reflect"
	"testing"
)

// Plugins remember identities and share them between requests: an addition that writes into one gives a role to everybody.
func TestWithCopies(t *testing.T) {
	roles := make([]string, 1, 8)
	roles[0] = "user"
	mails := make([]string, 1, 8)
	mails[0] = "a@example.com"
	id := Identity{Subject: "alice", Roles: roles, Attributes: map[string][]string{"mail": mails}}

	admin := id.With(Addition{Roles: []string{"user", "admin"}, Attributes: map[string][]string{"mail": {"b@example.com"}, "dept": {"it"}}})
	other := id.With(Addition{Roles: []string{"other"}, Attributes: map[string][]string{"mail": {"c@example.com"}}})

	if want := []string{"user", "admin"}; !reflect.DeepEqual(admin.Roles, want) {
		t.Errorf("With: roles %v, want %v", admin.Roles, want)
	}
	want := map[string][]string{"mail": {"a@example.com", "b@example.com"}, "dept": {"it"}}
	if !reflect.DeepEqual(admin.Attributes, want) {
		t.Errorf("With: attributes %v, want %v", admin.Attributes, want)
	}
	if want := []string{"user", "other"}; !reflect.DeepEqual(other.Roles, want) {
		t.Errorf("With: a second addition has roles %v, want %v", other.Roles, want)
	}
	if len(id.Roles) != 1 || len(id.Attributes) != 1 || len(id.Attributes["mail"]) != 1 {
		t.Errorf("With changed what it was called on: %+v", id)
	}
	if roles[:2][1] != "" || mails[:2][1] != "" {
		t.Error("With wrote into an array that others share")
	}
}

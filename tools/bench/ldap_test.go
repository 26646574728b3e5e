package main

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// If every password were right, the row would measure something else.
func TestDirectory(t *testing.T) {
	d, err := newDirectory()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, err := ldap.DialURL(d.url())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bind(readerDN, readerPassword); err != nil {
		t.Fatalf("Bind(reader) = %v", err)
	}
	found, err := c.Search(ldap.NewSearchRequest("dc=test", ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(uid=alice)", nil, nil))
	if err != nil || len(found.Entries) != 1 || found.Entries[0].DN != aliceDN || found.Entries[0].GetAttributeValue("uid") != "alice" {
		t.Fatalf("Search() = %+v, %v, want alice", found, err)
	}
	if err := c.Bind(aliceDN, "wonderland"); err != nil {
		t.Errorf("Bind(alice) = %v", err)
	}
	if err := c.Bind(aliceDN, "wrong"); !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		t.Errorf("Bind(alice, wrong) = %v, want invalid credentials", err)
	}
}

//go:build linux

package testserver

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// A Directory is an OpenLDAP server. User is the DN that may do everything, Reader one that may read all but passwords;
// both have the same Password. Its certificate names 127.0.0.1 and ldap.test.
type Directory struct {
	*Server
	Reader string
	// URL and TLSURL are where it listens: ldap://, which takes StartTLS, and ldaps://.
	URL, TLSURL string
}

// Slapd starts an OpenLDAP server for dc=example,dc=com with the overlays memberof and ppolicy, and adds the entries
// of an LDIF text; cn=policy,dc=example,dc=com, if it is there, is the policy for passwords.
func Slapd(t testing.TB, ldif string) *Directory {
	t.Helper()
	daemon, add := binary(t, "slapd", "slapd"), binary(t, "ldapadd", "ldap-utils")
	d := &Directory{Server: newServer(t, "openldap"), Reader: "cn=reader,dc=example,dc=com"}
	s, secure := d.Server, freePort(t)
	s.User, s.Password = "cn=admin,dc=example,dc=com", "t0ps3cret"
	d.URL = "ldap://" + net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	d.TLSURL = "ldaps://" + net.JoinHostPort(s.Host, strconv.Itoa(secure))
	certFile, keyFile := s.keyPair(s.Host, "ldap.test")
	for name, text := range map[string]string{
		"entries.ldif": ldif,
		"slapd.conf": lines(
			"include /etc/ldap/schema/core.schema",
			"include /etc/ldap/schema/cosine.schema",
			"include /etc/ldap/schema/inetorgperson.schema",
			"include /etc/ldap/schema/nis.schema",
			"modulepath /usr/lib/ldap",
			"moduleload back_mdb",
			"moduleload memberof",
			"moduleload ppolicy",
			"pidfile "+filepath.Join(s.dir, "pid"),
			"TLSCertificateFile "+certFile,
			"TLSCertificateKeyFile "+keyFile,
			"TLSVerifyClient never",
			// Many directories take binds without a password and let them succeed; so does this one.
			"allow bind_anon_dn bind_anon_cred",
			"database mdb",
			"suffix dc=example,dc=com",
			"rootdn "+s.User,
			"rootpw "+s.Password,
			"directory "+filepath.Join(s.dir, "data"),
			"maxsize 67108864",
			"dbnosync",
			"index uid,member eq",
			"access to attrs=userPassword by anonymous auth by * none",
			"access to * by dn.exact="+d.Reader+" read by * none",
			"overlay memberof",
			"overlay ppolicy",
			"ppolicy_use_lockout",
			"ppolicy_default cn=policy,dc=example,dc=com",
		),
	} {
		// the folder is the server's alone
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.run("/bin/mkdir", filepath.Join(s.dir, "data"))
	s.start = []string{daemon, "-f", filepath.Join(s.dir, "slapd.conf"), "-h", d.URL + "/ " + d.TLSURL + "/", "-d", "0"}
	s.ready = func(context.Context) error {
		c, err := ldap.DialURL(d.URL, ldap.DialWithDialer(&net.Dialer{Timeout: time.Second}))
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetTimeout(time.Second)
		return c.Bind(s.User, s.Password)
	}
	s.Start()
	s.run(add, "-x", "-H", d.URL, "-D", s.User, "-w", s.Password, "-f", filepath.Join(s.dir, "entries.ldif"))
	return d
}

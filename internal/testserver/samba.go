//go:build linux

package testserver

import (
	"context"
	_ "embed"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

//go:embed directory.py
var sambaScript string

// An ActiveDirectory is a Samba server for ad.example.com, at ldap://127.0.0.1 and ldaps://127.0.0.1 inside a network
// of its own, which Dial reaches. User is who may read; all accounts have the same Password: alice, disabled, expired,
// renew (who must change the password) and locked, which three wrong passwords lock. Alice is in the group "Smith, J
// (EU)", which is in the group staff.
type ActiveDirectory struct{ *Server }

// Samba starts an Active Directory, which takes some ten seconds.
func Samba(t testing.TB) *ActiveDirectory {
	t.Helper()
	network := []string{binary(t, "unshare", "util-linux"), "--net"}
	if os.Getuid() != 0 {
		network = append(network, "--map-root-user")
	}
	binary(t, "samba", "samba samba-ad-provision samba-dsdb-modules python3-samba winbind")
	d := &ActiveDirectory{newServer(t, "root")}
	s := d.Server
	s.User, s.Password = "reader@ad.example.com", "T0ps3cret.Pw"
	cert, key := s.keyPair("", "dc1.ad.example.com")
	script, ca := filepath.Join(s.dir, "directory.py"), filepath.Join(s.dir, "ca.pem")
	for file, text := range map[string]string{script: sambaScript, ca: s.CA} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.start = append(network, "/usr/bin/python3", script, filepath.Join(s.dir, "ad"), s.Password, cert, key, ca)
	s.ready = func(ctx context.Context) error {
		c, err := d.Dial(ctx, "", ":389")
		if err != nil {
			return err
		}
		l := ldap.NewConn(c, false)
		l.Start()
		defer l.Close()
		l.SetTimeout(time.Second)
		return l.Bind(s.User, s.Password)
	}
	s.Start()
	return d
}

// Dial connects to an address inside the server's network.
func (d *ActiveDirectory) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(d.dir, "ad."+port))
}

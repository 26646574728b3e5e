//go:build linux && integration

package testserver_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/easgate/easgate/internal/testserver"
)

func TestServersStopAndComeBack(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *testserver.Server{
		"mariadb": testserver.MariaDB, "postgres": testserver.Postgres,
		"slapd": func(t testing.TB) *testserver.Server { return testserver.Slapd(t, "").Server },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			dial := func() error {
				c, err := net.Dial("tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
				if err == nil {
					_ = c.Close()
				}
				return err
			}
			s.Kill()
			if dial() == nil {
				t.Error("killed, and takes connections")
			}
			s.Start()
			if err := dial(); err != nil {
				t.Error(err)
			}
		})
	}
}

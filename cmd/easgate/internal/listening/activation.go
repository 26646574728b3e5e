// Package listening makes what the listeners consist of: sockets that systemd hands over, permissions, certificates.
package listening

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/server"
	"github.com/easgate/easgate/internal/server/listen"
)

// FirstFD is the first file descriptor that systemd hands over (sd_listen_fds(3)).
const FirstFD = 3

// Inherited returns the listeners that systemd hands over, by the names of package server. A socket unit names what its
// sockets are for (FileDescriptorName=); a single one without such a name is the main listener.
func Inherited(environ []string, first int) (map[string]net.Listener, error) {
	env := map[string]string{}
	for _, kv := range environ {
		name, v, _ := strings.Cut(kv, "=")
		env[name] = v
	}
	n, err := strconv.Atoi(env["LISTEN_FDS"])
	if err != nil || n < 1 || env["LISTEN_PID"] != strconv.Itoa(os.Getpid()) {
		return nil, nil // for another process, or for nobody
	}
	names := strings.Split(env["LISTEN_FDNAMES"], ":")
	all := map[string]net.Listener{}
	for i := range n {
		fd := first + i
		syscall.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "LISTEN_FD")
		l, err := net.FileListener(file) // which duplicates it
		_ = file.Close()
		if err != nil {
			return nil, fmt.Errorf("LISTEN_FDS: descriptor %d: %w", fd, err)
		}
		name := server.MainListener
		if i < len(names) && (n > 1 || isListener(names[i])) {
			name = names[i]
		}
		switch {
		case !isListener(name):
			return nil, problem.Hint(fmt.Errorf("LISTEN_FDNAMES: unknown listener %q", name),
				"FileDescriptorName= is one of main, verify, admin, grpc")
		case all[name] != nil:
			return nil, fmt.Errorf("LISTEN_FDNAMES: %s is given twice", name)
		case strings.HasPrefix(l.Addr().String(), "@"):
			return nil, fmt.Errorf("LISTEN_FDNAMES: %s: an abstract socket is open to every process of the machine", name)
		}
		all[name] = l
	}
	return all, nil
}

func isListener(name string) bool {
	switch name {
	case server.MainListener, server.VerifyListener, server.AdminListener, server.GRPCListener:
		return true
	}
	return false
}

// Sockets returns how unix sockets are made.
func Sockets(cfg *config.Config) (listen.Sockets, error) {
	s := listen.Sockets{Mode: cfg.SocketMode, GID: -1}
	if cfg.SocketGroup == "" {
		return s, nil
	}
	id := cfg.SocketGroup
	if g, err := user.LookupGroup(id); err == nil {
		id = g.Gid
	}
	gid, err := strconv.Atoi(id)
	if err != nil || gid < 0 {
		return s, fmt.Errorf("%s: no group %q", cfg.Origin("socket_group"), cfg.SocketGroup)
	}
	s.GID = gid
	return s, nil
}

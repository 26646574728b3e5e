package listening

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
)

func TestInheritedNames(t *testing.T) {
	pid := "LISTEN_PID=" + strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		name string
		env  []string
		want string
	}{
		{"none", nil, ""},
		{"another process's", []string{"LISTEN_PID=1", "LISTEN_FDS=1"}, ""},
		{"the unit's name", []string{pid, "LISTEN_FDS=1", "LISTEN_FDNAMES=easgate.socket"}, "main"},
		{"no name", []string{pid, "LISTEN_FDS=1"}, "main"},
		{"a name", []string{pid, "LISTEN_FDS=1", "LISTEN_FDNAMES=grpc"}, "grpc"},
		{"unknown", []string{pid, "LISTEN_FDS=2", "LISTEN_FDNAMES=x:main"}, "error"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		first, err := syscall.Dup(int(file.Fd())) // Inherited closes it
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		all, err := Inherited(tt.env, first)
		got := ""
		for name, l := range all {
			got += name
			_ = l.Close()
		}
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

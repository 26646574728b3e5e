//go:build linux

package testserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Server is a running server, such as a database server with an empty database in it.
type Server struct {
	// Client is the knex name of its kind.
	Client   string
	Host     string
	Port     int
	User     string
	Password string
	Database string
	// CA is the authority that the server's certificate is from, as PEM; Fingerprint is the SHA-256 of its public key.
	// A database's has the common name db.test and no other; "" where there is no TLS.
	CA, Fingerprint string
	// TLS says that clients must use it, and trust CA.
	TLS bool

	t     testing.TB
	dir   string
	user  string
	start []string
	// ready reports whether the server answers.
	ready func(context.Context) error
	proc  *process
}

type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

const patience = 60 * time.Second

// new makes the folder, owned by the user that the server runs as: servers refuse to run as root.
func newServer(t testing.TB, account string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "testserver-") // t.TempDir is out of reach for other users
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, Host: "127.0.0.1", Port: freePort(t), dir: dir, user: account}
	t.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if cred := s.credential(); cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// freePort returns a port that was free a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// binary finds a program, also where Debian keeps PostgreSQL's.
func binary(t testing.TB, name, pkg string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range []string{"/usr/sbin/" + name, "/usr/lib/postgresql/*/bin/" + name} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return slices.Max(found)
		}
	}
	t.Fatalf("%s is missing: apt-get install --no-install-recommends %s", name, pkg)
	return ""
}

// credential is that of the server's own account when the test runs as root, else nil.
func (s *Server) credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(s.user)
	if err != nil {
		s.t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		s.t.Fatalf("user %s: ids %s:%s", s.user, u.Uid, u.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// keyPair writes a certificate for address and name, without alternative names when there is no address.
func (s *Server) keyPair(address, name string) (certFile, keyFile string) {
	s.t.Helper()
	ca, cert, key := certificate(s.t, address, name)
	s.CA, s.Fingerprint = ca, fingerprint(s.t, cert)
	return s.write("cert.pem", cert), s.write("key.pem", key)
}

// write makes a file that the server reads, and returns its path.
func (s *Server) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if cred := s.credential(); cred != nil {
		if err := os.Chown(path, int(cred.Uid), int(cred.Gid)); err != nil {
			s.t.Fatal(err)
		}
	}
	return path
}

func (s *Server) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + s.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential(), Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs a program that prepares the server.
func (s *Server) run(args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := s.command(ctx, args).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", filepath.Base(args[0]), err, out)
	}
}

// Start starts the server, on the port and data that it had before, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	if s.proc != nil {
		s.t.Fatal("testserver: runs already")
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	p := &process{cmd: s.command(context.Background(), s.start), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		// The signal at the parent's death is that of the thread which started the server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
		close(p.exited)
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.proc = p
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		once, done := context.WithTimeout(ctx, 5*time.Second) // somebody else may have the port, and never answer
		err := s.ready(once)
		done()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-p.exited:
			s.t.Fatalf("%s: ended: %s\n%s", filepath.Base(s.start[0]), p.cmd.ProcessState, s.Log())
		case <-ctx.Done():
			s.t.Fatalf("%s: not ready after %v: %v", filepath.Base(s.start[0]), patience, err)
		}
	}
}

// Log is what the server has said.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// Kill ends the server at once, as a crash does, and returns when all of its processes are gone: PostgreSQL does not start
// beside what is left of it. It may be started again.
func (s *Server) Kill() {
	if s.proc == nil {
		return
	}
	_ = s.proc.cmd.Process.Signal(syscall.SIGSTOP) // it makes no children any more
	pids := family(s.proc.cmd.Process.Pid)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.proc.exited
	s.proc = nil
	for deadline := time.Now().Add(patience); slices.ContainsFunc(pids, lives); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Error("testserver: a killed process does not end")
			return
		}
	}
}

// lives reports whether a process holds anything: one that nobody has waited for does not.
func lives(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// Freeze stops the server without closing its connections: it takes new ones and never answers. Thaw lets it go on.
// A signal is only asked for when kill(2) returns, so Freeze waits until every thread has stopped: one that still runs
// would answer a request that comes after the freeze.
func (s *Server) Freeze() {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.signal(syscall.SIGSTOP) // again, for children that came between
		if s.proc == nil || stopped(family(s.proc.cmd.Process.Pid)) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("the server does not stop")
		}
	}
}

// Thaw ends a Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

// signal reaches the server and its children, which PostgreSQL puts into process groups of their own.
func (s *Server) signal(sig syscall.Signal) {
	if s.proc == nil {
		return
	}
	for _, pid := range family(s.proc.cmd.Process.Pid) {
		_ = syscall.Kill(pid, sig)
	}
}

// stopped reports whether no thread of the processes can run, by the state in proc_pid_stat(5).
func stopped(pids []int) bool {
	for _, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, file := range files {
			text, _ := os.ReadFile(file) // gone: it does not run
			// "pid (name) state …", where the name may hold spaces and parentheses.
			_, state, ok := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
			if ok && !strings.ContainsAny(state[:1], "TtZX") {
				return false
			}
		}
	}
	return true
}

// family returns pid and its descendants.
func family(pid int) []int {
	pids := []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file) // gone: no children
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, family(child)...)
			}
		}
	}
	return pids
}

// Config is the server as the options.config of a SQL store, in JSON.
func (s *Server) Config() string {
	ssl := ""
	if s.TLS {
		ssl = fmt.Sprintf(`,"ssl":{"ca":%q}`, s.CA)
	}
	return fmt.Sprintf(`{"client":%q,"connection":{"host":%q,"port":%d,"user":%q,"password":%q,"database":%q%s}}`,
		s.Client, s.Host, s.Port, s.User, s.Password, s.Database, ssl)
}

func lines(text ...string) string { return strings.Join(text, "\n") + "\n" }

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a server that was started here.
type process struct {
	addr    string
	program string // what its log is called after
	started time.Time
	cmd     *exec.Cmd
	done    chan struct{}
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start runs a command that listens on addr; its output goes to a file in dir. It does not wait for an answer.
func start(ctx context.Context, dir, addr string, env, args []string) (*process, error) {
	program := args[0]
	if i := slices.IndexFunc(args, filepath.IsAbs); i >= 0 {
		program = args[i] // after the words that pin it
	}
	log, err := os.OpenFile(filepath.Join(dir, filepath.Base(program)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	p := &process{addr: addr, program: program, started: time.Now(), cmd: cmd, done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return p, nil
}

// ready waits until the first request of l is answered with 200.
func (p *process) ready(l load) error {
	_, err := p.firstAnswer(l)
	return err
}

// firstAnswer waits as ready does, and returns how long after the start that was.
func (p *process) firstAnswer(l load) (time.Duration, error) {
	var last error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if last = l.first("http://" + p.addr); last == nil {
			return time.Since(p.started), nil
		}
		select {
		case <-p.done:
			return 0, fmt.Errorf("%s: ended before it answered; %w", p.name(), p.lastWords())
		case <-time.After(time.Millisecond):
		}
	}
	return 0, fmt.Errorf("%s: %w; %w", p.name(), last, p.lastWords())
}

// name is the program's.
func (p *process) name() string { return filepath.Base(p.program) }

// watch adds to what measure returns the processor time that p took for it.
func (p *process) watch(measure func() (sample, error)) (sample, error) {
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	s, err := measure()
	if err != nil {
		return sample{}, err
	}
	after, err := p.cpu()
	s.cpu = (after - before) / time.Duration(max(1, s.requests))
	return s, err
}

// lastWords is the end of the server's log, as an error.
func (p *process) lastWords() error {
	text, err := os.ReadFile(filepath.Join(p.cmd.Dir, p.name()+".log"))
	if err != nil {
		return err
	}
	return fmt.Errorf("its log ends: %s", text[max(0, len(text)-1000):])
}

// rss returns the resident memory in bytes.
func (p *process) rss() (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(v, "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no VmRSS")
}

// cpu returns the processor time that the process has used.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// proc(5): utime and stime are fields 14 and 15, in hundredths of a second; the name before them may hold spaces.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("unexpected /proc/PID/stat")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// stop ends the process, by force if it takes longer than 5 s. It may be nil.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // may have ended
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

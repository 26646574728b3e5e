package corpus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/query"
)

// A Replay runs a server and asks it what was recorded.
type Replay struct {
	Corpus *Corpus
	// Serve serves until ctx ends, with nothing in its environment but env. It gets EAS_PORT, the secrets and the case's
	// own variables.
	Serve func(ctx context.Context, env []string) error
	// Dir is an empty folder for the fixtures.
	Dir string
}

// answerTime is how long one answer may take: ten times what hurts.
const answerTime = 4 * time.Second

// Run replays all cases and hangs. The server is started once per distinct environment.
func (r *Replay) Run(ctx context.Context) ([]Result, error) {
	for name, text := range r.Corpus.Files {
		if err := os.WriteFile(filepath.Join(r.Dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	byEnv := map[string][]*Case{}
	var order []string
	for _, cases := range [][]Case{r.Corpus.Cases, r.Corpus.Hangs} {
		for i := range cases {
			key, err := json.Marshal(cases[i].Env)
			if err != nil {
				return nil, err
			}
			if byEnv[string(key)] == nil {
				order = append(order, string(key))
			}
			byEnv[string(key)] = append(byEnv[string(key)], &cases[i])
		}
	}
	var results []Result
	for _, key := range order {
		rs, err := r.runEnv(ctx, byEnv[key])
		if err != nil {
			return nil, fmt.Errorf("environment %s: %w", key, err)
		}
		results = append(results, rs...)
	}
	return results, nil
}

func (r *Replay) runEnv(ctx context.Context, cases []*Case) ([]Result, error) {
	s, err := r.start(ctx, cases[0].Env)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	results := make([]Result, 0, len(cases))
	for _, c := range cases {
		got, err := send(s.addr, &c.Request)
		results = append(results, judge(c, got, err))
	}
	return results, nil
}

// A server is one that runs.
type server struct {
	addr string
	end  context.CancelFunc
	done chan struct{}
	err  error // how it ended, once done is closed
}

func (r *Replay) start(ctx context.Context, caseEnv map[string]string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil { // the server takes it over
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	env := []string{"HOME=" + r.Dir, "EAS_PORT=" + port}
	for _, m := range []map[string]string{r.Corpus.Secrets, caseEnv} {
		for name, v := range m {
			env = append(env, name+"="+strings.ReplaceAll(v, "{{FIXTURES}}", r.Dir))
		}
	}
	ctx, end := context.WithCancel(ctx)
	s := &server{addr: addr, end: end, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = r.Serve(ctx, env)
	}()
	ping := Request{Method: http.MethodGet, Path: "/ping", Headers: map[string]Values{"Host": {"localhost"}}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(10 * time.Second); ; {
		if a, err := send(addr, &ping); err == nil && a.Status == http.StatusOK {
			return s, nil
		}
		select {
		case <-s.done:
			end()
			return nil, fmt.Errorf("the server ended before it answered /ping: %w", s.err)
		case <-deadline:
			s.stop()
			return nil, errors.New("the server does not answer /ping")
		case <-tick.C:
		}
	}
}

// stop ends the server and waits for it. It may be nil.
func (s *server) stop() {
	if s != nil {
		s.end()
		<-s.done
	}
}

// ignored are headers that say nothing about the decision.
var ignored = map[string]bool{
	"Date": true, "Connection": true, "Keep-Alive": true, "X-Powered-By": true,
	"Content-Length": true, "Etag": true, "Transfer-Encoding": true,
}

// send writes req to addr byte by byte as it was recorded, which no HTTP client would do.
func send(addr string, req *Request) (Answer, error) {
	conn, err := net.DialTimeout("tcp", addr, answerTime)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return Answer{}, err
	}
	if _, err := conn.Write(req.wire()); err != nil {
		return Answer{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: req.Method})
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: resp.StatusCode, Headers: map[string]Values{}, SetCookie: resp.Header["Set-Cookie"],
		BodyBytes: body}
	for name, values := range resp.Header {
		if name == "Set-Cookie" || ignored[name] {
			continue
		}
		vs := make(Values, len(values))
		for i, v := range values {
			vs[i] = query.Latin1(v)
		}
		a.Headers[strings.ToLower(name)] = vs
	}
	return a, nil
}

func (r *Request) wire() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.Path)
	for name, values := range r.Headers {
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	if r.Body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(*r.Body))
	}
	b.WriteString("Connection: close\r\n\r\n")
	wire, ok := query.Latin1Bytes(b.String())
	if !ok {
		panic("recording with characters that no header can carry")
	}
	if r.Body != nil {
		wire += *r.Body
	}
	return []byte(wire)
}

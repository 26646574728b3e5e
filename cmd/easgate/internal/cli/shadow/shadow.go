package shadow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/recorded"
	"github.com/easgate/easgate/internal/problem"
)

// A shadow is what shadow is asked to do.
type shadow struct {
	easURL, easgateURL, params string
	timeout                    time.Duration
	parallel                   int
	values, json               bool
	limit                      int

	listen, record string
	queue          int

	eas, easgate *peer
}

// New makes the command shadow.
func New(c *cli.CLI) *cobra.Command {
	var s shadow
	cmd := &cobra.Command{
		Use:   "shadow --eas URL --easgate URL [FILE...]",
		Short: "Ask external-auth-server and easgate the same, and print where the answers differ",
		Long: `Replays the verify requests in each FILE (- for the standard input), or with --listen mirrors live ones:
it answers the proxy with external-auth-server's answer, and asks easgate in the background.

A FILE holds a JSON object a line:
  {"method": "GET", "path_and_query": "/verify?config_token=…", "headers": {"X-Forwarded-Uri": "/a", …}}
as --record writes them; they hold what clients sent, passwords included, so keep the file to yourself.

Prints status, header names, cookie names, and lengths; values only with --show-values. UNSAFE is an allow that
external-auth-server did not give. Exit code 3 when a decision differs; 4 when none does, but external-auth-server did
not answer everything.`,
		Example: `  easgate shadow --eas http://eas:8080 --easgate http://127.0.0.1:8080 recorded.jsonl
  easgate shadow --eas http://eas:8080 --easgate http://127.0.0.1:8080 --listen :8081 --record recorded.jsonl`,
		RunE: func(cmd *cobra.Command, files []string) error {
			return run(c, cmd.Context(), &s, files)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.easURL, "eas", "", "`URL` of the running external-auth-server")
	f.StringVar(&s.easgateURL, "easgate", "", "`URL` of the running easgate")
	f.StringVar(&s.params, "easgate-params", "", "verify `parameters` to add for easgate, such as proxy=nginx")
	f.DurationVar(&s.timeout, "timeout", 15*time.Second, "`time` that one answer may take")
	f.IntVar(&s.parallel, "parallel", 4, "`number` of requests at once")
	f.IntVar(&s.limit, "limit", 1000, "`number` of differences to print; all are counted")
	f.BoolVar(&s.values, "show-values", false, "print values of headers and bodies, which may be secret")
	f.BoolVar(&s.json, "json", false, "print JSON, an object a line")
	f.StringVar(&s.listen, "listen", "", "mirror live requests at this `address`")
	f.IntVar(&s.queue, "queue", 256, "`number` of mirrored requests that may wait; more are not compared")
	f.StringVar(&s.record, "record", "", "write mirrored requests to this new `file`, up to 100 MB")
	return cmd
}

func run(c *cli.CLI, ctx context.Context, s *shadow, files []string) (err error) {
	switch {
	case s.easURL == "" || s.easgateURL == "":
		return cli.Usage("--eas and --easgate: both are needed")
	case s.listen == "" && len(files) == 0:
		return cli.Usage("want a FILE with requests, or --listen")
	case s.listen != "" && len(files) > 0:
		return cli.Usage("--listen mirrors live requests: leave out the files")
	case s.listen == "" && s.record != "":
		return cli.Usage("--record belongs to --listen")
	case s.parallel < 1 || s.queue < 1 || s.timeout <= 0:
		return cli.Usage("--parallel, --queue and --timeout: want more than 0")
	}
	if s.eas, err = newPeer("--eas", s.easURL, "", s.timeout, s.parallel); err != nil {
		return err
	}
	if s.easgate, err = newPeer("--easgate", s.easgateURL, s.params, s.timeout, s.parallel); err != nil {
		return err
	}
	defer s.eas.transport.CloseIdleConnections()
	defer s.easgate.transport.CloseIdleConnections()
	t := &tally{out: c.Out, json: s.json, limit: s.limit}
	if s.listen != "" {
		err = serveMirror(c, ctx, s, t)
	} else {
		err = replay(c, ctx, s, t, files)
	}
	if err != nil {
		return err
	}
	return t.end()
}

// replay asks both for every request in files and reports in the files' order.
func replay(c *cli.CLI, ctx context.Context, s *shadow, t *tally, files []string) error {
	// Each request's result comes through a channel of its own; results holds as many as are under way.
	results := make(chan chan compared, s.parallel)
	printed := make(chan error, 1)
	go func() {
		var err error
		for r := range results {
			if e := t.add(<-r); err == nil {
				err = e
			}
		}
		printed <- err
	}()
	read := func() error {
		for _, name := range files {
			r := c.In
			if name != "-" {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				r = f
			}
			skipped, err := recorded.Read(r, func(req *recorded.Request) error {
				done := make(chan compared, 1)
				select {
				case results <- done:
				case <-ctx.Done():
					return ctx.Err()
				}
				go func() { done <- s.both(ctx, req) }()
				return nil
			})
			t.skip(skipped)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	err := read()
	close(results)
	return errors.Join(err, <-printed)
}

// both asks both services at once.
func (s *shadow) both(ctx context.Context, r *recorded.Request) compared {
	eas := make(chan *answer, 1)
	go func() { eas <- s.eas.ask(ctx, r, nil) }()
	easgate := s.easgate.ask(ctx, r, nil)
	return s.judge(r, <-eas, easgate)
}

func (s *shadow) judge(r *recorded.Request, eas, easgate *answer) compared {
	level, list := compare(eas, easgate, s.values)
	return compared{ID: r.ID, Request: r.Label(), Level: level, Differences: list, easErr: eas.err}
}

// compared is one request's outcome.
type compared struct {
	Number      int          `json:"number"`
	ID          string       `json:"id,omitempty"`
	Request     string       `json:"request"`
	Level       agreement    `json:"level"`
	Differences []difference `json:"differences"`
	// easErr is why external-auth-server did not answer.
	easErr error
}

// A tally prints differences and counts everything. It is safe for concurrent use.
type tally struct {
	out   io.Writer
	json  bool
	limit int

	mu      sync.Mutex
	printed int
	count   counts
	// easErr is the first reason why external-auth-server did not answer, and silent how often it did not.
	easErr error
	silent int
}

// counts are the summary.
type counts struct {
	Requests int `json:"requests"`
	Same     int `json:"same"`
	Answers  int `json:"answers"`
	Denies   int `json:"denies"`
	Unsafe   int `json:"unsafe"`
	Failed   int `json:"failed"`
	// Skipped were recorded under an environment of their own, or found the queue full.
	Skipped int `json:"skipped"`
}

func (t *tally) skip(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Skipped += n
}

func (t *tally) add(r compared) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Requests++
	r.Number = t.count.Requests
	switch r.Level {
	case same:
		t.count.Same++
		return nil
	case answers:
		t.count.Answers++
	case denies:
		t.count.Denies++
	case allowsMore:
		t.count.Unsafe++
	case failed:
		t.count.Failed++
	}
	if r.easErr != nil {
		if t.silent++; t.silent > 1 && !t.json {
			return nil // once is enough: end counts them
		}
		if t.easErr == nil {
			t.easErr = r.easErr
		}
	}
	if t.printed++; t.printed > t.limit {
		return nil
	}
	return t.print(&r)
}

func (t *tally) print(r *compared) error {
	var b bytes.Buffer
	if t.json {
		return cli.WriteLine(t.out, r)
	}
	fmt.Fprintf(&b, "%-8s #%d %s", r.Level, r.Number, r.Request)
	if r.ID != "" {
		fmt.Fprintf(&b, " (%.80q)", r.ID)
	}
	b.WriteByte('\n')
	for _, d := range r.Differences {
		name := ""
		if d.Name != "" {
			name = " " + d.Name
		}
		fmt.Fprintf(&b, "         %s%s: EAS %s, easgate %s\n", d.What, name, d.EAS, d.Easgate)
	}
	_, err := t.out.Write(b.Bytes())
	return err
}

// end prints the summary. The error is [cli.ErrNo] when decisions differ, and a [cli.SilentError] when they do not as
// far as external-auth-server answered.
func (t *tally) end() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.count
	var err error
	if t.json {
		err = cli.WriteLine(t.out, struct {
			Summary counts `json:"summary"`
		}{n})
	} else {
		if t.printed > t.limit {
			fmt.Fprintf(t.out, "… and %d more differences\n", t.printed-t.limit)
		}
		_, err = fmt.Fprintf(t.out, "%d requests: %d the same, %d the same decision said differently, "+
			"%d denied by easgate alone, %d UNSAFE, %d without an answer, %d skipped\n",
			n.Requests, n.Same, n.Answers, n.Denies, n.Unsafe, n.Failed, n.Skipped)
	}
	switch {
	case err != nil:
		return err
	case n.Denies+n.Unsafe > 0:
		return cli.ErrNo
	case t.silent > 0:
		err := fmt.Errorf("external-auth-server did not answer %d of %d requests: %w", t.silent, n.Requests, t.easErr)
		return cli.Silent(problem.Hint(err, "--eas names the running service"))
	case n.Failed > 0 && n.Failed == n.Requests:
		return problem.Hint(errors.New("nothing could be compared"),
			"--easgate names a running service, which must trust this machine (EAS_TRUSTED_PROXIES)")
	}
	return nil
}

package fetch

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/tlsclient"
)

const (
	// MaxDocument is how many bytes a fetched document may have.
	MaxDocument = 1 << 20

	// A document is fresh for as long as Cache-Control says, within these bounds; a file for the least of them.
	minFresh     = time.Minute
	defaultFresh = 10 * time.Minute
	maxFresh     = time.Hour

	maxRedirects = 3
)

// A source is where a document is.
type source interface {
	// address names it for logs and errors, without secrets.
	address() string
	fetch(ctx context.Context) (answer, error)
}

type answer struct {
	status int
	text   []byte
	// what is the media type, or whatever else says what came.
	what  string
	fresh time.Duration
}

// A page is a document behind a URL.
type page struct {
	url, accept, bearer string
	client              *http.Client
}

func newPage(rawURL string, o Options) (*page, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("want an http or https URL")
	}
	accept := cmp.Or(o.Accept, "application/json") + ", */*;q=0.1"
	return &page{url: rawURL, accept: accept, bearer: o.Bearer, client: SameOrigin(o.Client)}, nil
}

// address leaves out what may hold passwords and keys.
func (p *page) address() string {
	u, err := url.Parse(p.url)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (p *page) fetch(ctx context.Context) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", p.accept)
	if p.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return answer{}, Unwrapped(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, fresh: freshness(res.Header.Get("Cache-Control"))}
	if a.what, _, err = mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil {
		a.what = "answer"
	}
	a.text, err = ReadAll(res.Body)
	return a, err
}

// A file is a document on this machine.
type file struct{ path string }

func newFile(path string) (*file, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("file: want an absolute path")
	}
	return &file{path}, nil
}

func (f *file) address() string { return f.path }

func (f *file) fetch(context.Context) (answer, error) {
	// Opening a pipe waits for a writer, and a device may never end.
	info, err := os.Stat(f.path)
	if err != nil {
		return answer{}, without(err)
	}
	if !info.Mode().IsRegular() {
		return answer{}, errors.New("not a regular file")
	}
	in, err := os.Open(f.path)
	if err != nil {
		return answer{}, without(err)
	}
	defer in.Close()
	text, err := ReadAll(in)
	return answer{status: http.StatusOK, text: text, what: "text", fresh: minFresh}, without(err)
}

// without takes the path out of an error, which says it already.
func without(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// SameOrigin returns a copy of client, or of the default one for nil, that follows redirects within one origin only.
func SameOrigin(client *http.Client) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	c.Jar = nil
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch first := via[0].URL; {
		case r.URL.Scheme == first.Scheme && r.URL.Host == first.Host:
		case first.Scheme == "http" && r.URL.Scheme == "https" && r.URL.Hostname() == first.Hostname():
			return errors.New("redirected to https: write the URL with https")
		default:
			return errors.New("redirect to another host refused")
		}
		if len(via) > maxRedirects {
			return errors.New("too many redirects")
		}
		return nil
	}
	return &c
}

// Unwrapped takes the URL out of an http.Client's error: URLs of configurations may hold passwords. It says what an
// operator can do about a certificate without alternative names.
func Unwrapped(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return tlsclient.Explain(err)
}

var errTooLong = errors.New("answer too long")

// ReadAll reads a document of at most [MaxDocument] bytes.
func ReadAll(body io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, MaxDocument+1))
	if err == nil && len(b) > MaxDocument {
		return nil, errTooLong
	}
	return b, err
}

// freshness reads max-age (RFC 9111 §5.2.2.1).
func freshness(cacheControl string) time.Duration {
	for d := range strings.SplitSeq(cacheControl, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
			return min(max(time.Duration(n)*time.Second, minFresh), maxFresh)
		}
	}
	return defaultFresh
}

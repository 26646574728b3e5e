package explain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/recorded"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/redact"
	"github.com/easgate/easgate/plugins"
)

// A question is what explain is asked: a token, and a request to judge by it.
type question struct {
	token, file, store, id string
	recorded               string
	uri, method, user      string
	headers                []string
	fallback               int
	values, json           bool
}

// A Service decides, and tells how.
type Service interface {
	// Explain judges a verify request. status is that of its answer.
	Explain(r *http.Request, trace func(pipeline.Event)) (d pipeline.Decision, status int)
	Close()
}

// A Build puts the service together that cfg describes.
type Build func(cfg *config.Config) (Service, error)

// New makes the command explain.
func New(c *cli.CLI, build Build) *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say step by step how a request would be decided, and why",
		Long: `Judges one request as serve would and prints every step with its reason. The token is a sealed one
(--token), one in a store (--store and --id) or an unsealed configuration (--file). The request comes from
flags, or with --request from a recorded verify request in JSON: {"method": …, "path_and_query":
"/verify?…", "headers": {…}}. A rule is shown with the value that its query gave. Prints no secrets: what
the client presented, and what a query names as a secret, is left out, other texts are shortened. Values
of headers only with --show-headers. Exit code 3 when the request is denied.`,
		Example: `  easgate explain --file token.yaml --uri https://app.example.com/admin -u alice:secret
  easgate explain --store main --id grafana --uri https://app.example.com/ -H 'X-Api-Key: k' --config easgate.yaml
  easgate explain --request recorded.json`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(c, cmd.Context(), build, &q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.token, "token", "", "sealed config `token`")
	f.StringVar(&q.file, "file", "", "configuration in YAML or JSON, not sealed")
	f.StringVar(&q.store, "store", "", "`id` of the store that holds the token")
	f.StringVar(&q.id, "id", "", "`id` of the token in the store")
	f.StringVar(&q.recorded, "request", "", "`file` with a recorded verify request, - for the standard input")
	f.StringVar(&q.uri, "uri", "", "`URL` that the client asked for")
	f.StringVarP(&q.method, "method", "X", "GET", "method of the client's request")
	f.StringArrayVarP(&q.headers, "header", "H", nil, "`'Name: value'` that the client sent")
	f.StringVarP(&q.user, "user", "u", "", "`name:password` for Basic authentication")
	f.IntVar(&q.fallback, "fallback-plugin", -1, "`index` of the plugin whose answer is given when none allows")
	f.BoolVar(&q.values, "show-headers", false, "print the values of the answer's headers")
	f.BoolVar(&q.json, "json", false, "print JSON")
	c.Settings(cmd, "keyring_file", "config_token_stores", "proxy_profile", "allow_eval")
	return cmd
}

func run(c *cli.CLI, ctx context.Context, build Build, q *question) error {
	cfg, request, err := asked(c, q)
	if err != nil {
		return err
	}
	s, err := build(cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	var events []pipeline.Event
	d, status := s.Explain(request.WithContext(ctx), func(e pipeline.Event) { events = append(events, e) })
	x := explanation(&d, status, events, newRedactor(request), q.values)
	x.Request = request.Method + " " + request.URL.Path
	if q.recorded == "" {
		x.Request = q.method + " " + redact.URL(q.uri)
	}
	if q.json {
		err = c.PrintJSON(x)
	} else {
		err = printExplained(c, x)
	}
	if err == nil && d.Result.Verdict != plugins.Allow {
		return cli.ErrNo
	}
	return err
}

// asked makes the configuration to judge by and the verify request that q describes.
func asked(c *cli.CLI, q *question) (*config.Config, *http.Request, error) {
	if q.file != "" {
		sealed, ring, err := sealForOnce(c, q.file)
		if err != nil {
			return nil, nil, err
		}
		q.token = sealed
		isKeyring := func(kv string) bool { return strings.HasPrefix(kv, "EAS_KEYRING") }
		c.Env = append(slices.DeleteFunc(slices.Clone(c.Env), isKeyring), "EAS_KEYRING="+ring)
		delete(c.Given, "keyring_file")
	}
	cfg, _, err := c.Load()
	if err != nil {
		return nil, nil, err
	}
	var r *http.Request
	if q.recorded != "" {
		if q.uri != "" || len(q.headers) > 0 || q.user != "" || q.token != "" || q.store != "" {
			return nil, nil, cli.Usage("--request holds the whole request: leave out --token, --file, --store, --uri, -H and -u")
		}
		r, err = recordedRequest(c, q.recorded)
	} else {
		r, err = q.request(cfg.ProxyProfile)
	}
	if err != nil {
		return nil, nil, err
	}
	r.RemoteAddr = netip.AddrPortFrom(cfg.TrustedProxies[0].Addr(), 1).String()
	return cfg, r, nil
}

// sealForOnce seals the configuration in the file called name under a key that is made for this run alone.
func sealForOnce(c *cli.CLI, name string) (sealed, ring string, err error) {
	claims, err := tokens.Claims(c, []string{name})
	if err != nil {
		return "", "", err
	}
	k, err := configtoken.NewKeyring()
	if err != nil {
		return "", "", err
	}
	sealer, err := k.Sealer()
	if err != nil {
		return "", "", err
	}
	sealed, err = sealer.Seal(claims)
	return sealed, string(k.JWKSet()), err
}

// request makes the verify request that a proxy of the profile would send.
func (q *question) request(profile parent.Profile) (*http.Request, error) {
	if q.uri == "" {
		return nil, cli.Usage("--uri is missing: the URL that the client asked for, or --request")
	}
	u, err := url.Parse(q.uri)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, cli.Usage("--uri: want a whole URL such as https://app.example.com/path")
	}
	params := url.Values{}
	switch {
	case q.token != "" && q.store == "" && q.id == "":
		params.Set("config_token", q.token)
	case q.token == "" && q.store != "" && q.id != "":
		params.Set("config_token_store_id", q.store)
		params.Set("config_token_id", q.id)
	default:
		return nil, cli.Usage("want one token: --token, --file, or --store with --id")
	}
	if q.fallback >= 0 {
		params.Set("fallback_plugin", fmt.Sprint(q.fallback))
	}
	h := http.Header{}
	for _, line := range q.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, cli.Usage("-H: want 'Name: value'")
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if profile == parent.IngressNginx {
		h.Set("X-Original-URL", u.String())
		h.Set("X-Original-Method", q.method)
	} else {
		if profile == parent.Envoy { // whose requests carry the path in the URL, to the same end
			params.Set("proxy", parent.Nginx.String())
		}
		h.Set("X-Forwarded-Method", q.method)
		h.Set("X-Forwarded-Proto", u.Scheme)
		h.Set("X-Forwarded-Host", u.Host)
		h.Set("X-Forwarded-Uri", u.RequestURI())
	}
	r, err := http.NewRequest(http.MethodGet, "/verify?"+params.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r.Header, r.Host = h, "easgate"
	if q.user != "" {
		name, password, _ := strings.Cut(q.user, ":")
		r.SetBasicAuth(name, password)
	}
	return r, nil
}

// recordedRequest reads one verify request, in JSON or YAML.
func recordedRequest(c *cli.CLI, name string) (*http.Request, error) {
	text, err := c.Input(name)
	if err != nil {
		return nil, err
	}
	text, err = document.Convert(text)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	var r *http.Request
	if _, err = recorded.Read(bytes.NewReader(text), func(in *recorded.Request) error {
		if r, err = http.NewRequest(in.Method, in.Target, nil); err != nil {
			return errors.New("path_and_query: want /verify?…")
		}
		r.Header, r.Host = in.Header, in.Host
		return nil
	}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if r == nil || !strings.EqualFold(strings.TrimSuffix(r.URL.Path, "/"), "/verify") {
		return nil, fmt.Errorf("%s: path_and_query: want /verify?…", name)
	}
	return r, nil
}

// explained is an explanation as it is printed.
type explained struct {
	Request string            `json:"request"`
	Verdict string            `json:"verdict"`
	Status  int               `json:"status"`
	Step    int               `json:"step"`
	Plugin  string            `json:"plugin,omitempty"`
	Subject string            `json:"subject,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Error   string            `json:"error,omitempty"`
	Steps   []explainedStep   `json:"steps"`
	Headers []explainedHeader `json:"headers"`
}

type explainedStep struct {
	Step   int    `json:"step"`
	Plugin string `json:"plugin,omitempty"`
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	// Rule is there for Kind rule.
	Rule *explainedRule `json:"rule,omitempty"`
}

type explainedHeader struct {
	Name string `json:"name"`
	// Value is there when it may be shown.
	Value *string `json:"value,omitempty"`
	Bytes int     `json:"bytes"`
}

// shownHeaders never hold what a client or a token keeps secret.
var shownHeaders = []string{"Www-Authenticate", "Content-Type", "Retry-After"}

func explanation(d *pipeline.Decision, status int, events []pipeline.Event, r redactor, values bool) *explained {
	x := &explained{
		Verdict: d.Result.Verdict.String(), Status: status, Step: d.Step, Plugin: d.Plugin,
		Subject: d.Result.Identity.Subject, Reason: d.Result.Reason, Steps: []explainedStep{}, Headers: []explainedHeader{},
	}
	if d.Err != nil {
		x.Error = d.Err.Error()
	}
	for _, e := range events {
		step := explainedStep{e.Step, e.Plugin, e.Kind, e.Text, nil}
		if e.Kind == "token" {
			step.Text = r.text(e.Text, false, 4*shownText)
		}
		if e.Rule != nil {
			step.Rule = r.rule(e.Rule)
		}
		x.Steps = append(x.Steps, step)
	}
	names := make([]string, 0, len(d.Result.Header))
	for name := range d.Result.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range d.Result.Header[name] {
			h := explainedHeader{Name: name, Bytes: len(v)}
			if values || v == "" || slices.Contains(shownHeaders, name) {
				h.Value = &v
			}
			x.Headers = append(x.Headers, h)
		}
	}
	return x
}

func printExplained(c *cli.CLI, x *explained) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", x.Request)
	last := -2
	for _, e := range x.Steps {
		if e.Kind == "answer" {
			continue
		}
		if e.Kind == "token" {
			fmt.Fprintf(&b, "\n%s\n", e.Text)
			continue
		}
		if e.Step != last {
			fmt.Fprintf(&b, "\nplugins[%d] %s\n", e.Step, e.Plugin)
			last = e.Step
		}
		fmt.Fprintf(&b, "  %-7s %s\n", e.Kind, e.Text)
		if e.Rule != nil {
			fmt.Fprintf(&b, "          %s\n", e.Rule)
		}
	}
	fmt.Fprintf(&b, "\n%s, status %d", strings.ToUpper(x.Verdict), x.Status)
	if x.Plugin != "" {
		fmt.Fprintf(&b, ", by plugins[%d] %s", x.Step, x.Plugin)
	}
	b.WriteString("\n")
	if x.Subject != "" {
		fmt.Fprintf(&b, "  subject %s\n", x.Subject)
	}
	if x.Error != "" {
		fmt.Fprintf(&b, "  error   %s\n", x.Error)
	}
	for _, h := range x.Headers {
		if h.Value != nil {
			fmt.Fprintf(&b, "  header  %s: %s\n", h.Name, *h.Value)
		} else {
			fmt.Fprintf(&b, "  header  %s: (%d bytes; --show-headers)\n", h.Name, h.Bytes)
		}
	}
	_, err := c.Out.Write(b.Bytes())
	return err
}

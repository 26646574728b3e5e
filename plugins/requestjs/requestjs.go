// Package requestjs decides by a piece of JavaScript in the config token, run in a sandbox without files, network,
// environment or time to spare.
package requestjs

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Config is the configuration of the request_js plugin. It works only where the operator allows scripts
// (EAS_ALLOW_EVAL).
type Config struct {
	// Snippet is the body of an async function with the parameters req, res, configToken, plugin and parentReqInfo. It
	// allows by setting res.statusCode to a 2xx; the status is 500 until it is set. res has statusCode, body,
	// setHeader(name, value), cookie(name, value, options), clearCookie(name, options), setAuthenticationData(object)
	// and setAuthenticationDataValue(name, value). What the snippet changes elsewhere is its own copy. Required.
	Snippet string `json:"snippet" secret:"true"`
}

// Plugin runs the snippet.
type Plugin struct {
	query  query.Query
	plugin *query.Object
	secret []byte
	now    func() time.Time
}

//go:embed wrapper.js
var wrapper string

// New compiles the snippet.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	if _, ok := env.Query["js"]; !ok {
		return nil, fmt.Errorf("scripts: %w: EAS_ALLOW_EVAL allows them", plugins.ErrDisabled)
	}
	if strings.TrimSpace(c.Snippet) == "" {
		env.Problem(errors.New("snippet: required"))
	}
	q, err := env.Query.Compile("js", strings.Replace(wrapper, "/* snippet */", c.Snippet, 1))
	if err != nil {
		return nil, fmt.Errorf("snippet: %w", err)
	}
	config := query.NewObject(2)
	config.Set("type", "request_js")
	config.Set("snippet", c.Snippet)
	plugin := query.NewObject(1)
	plugin.Set("config", config)
	return &Plugin{query: q, plugin: plugin, secret: []byte(env.CookieSecret), now: env.Now}, nil
}

// ReadsToken implements [plugins.TokenReader].
func (*Plugin) ReadsToken() {}

// Verify runs the snippet. Its exceptions are our failures: they deny with 503.
func (p *Plugin) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	data := query.NewObject(4)
	data.Set("req", r.Source.Req())
	data.Set("parentReqInfo", r.Source.Parent())
	data.Set("plugin", p.plugin)
	data.Set("configToken", query.Undefined{})
	if r.Token != nil {
		data.Set("configToken", r.Token.ConfigToken())
	}
	v, err := p.query.Eval(ctx, data)
	if err != nil {
		return plugins.Result{}, err
	}
	res, ok := v.(*query.Object)
	if !ok {
		return plugins.Result{}, errors.New("snippet: spoilt res")
	}
	return p.result(res)
}

// result reads what the snippet left in res.
func (p *Plugin) result(res *query.Object) (plugins.Result, error) {
	out := plugins.Result{Header: http.Header{}, Reason: "the snippet decided"}
	status, _ := res.Get("statusCode")
	code, err := query.ToNumber(status)
	if err != nil || code != float64(int(code)) || code < 200 || code > 999 {
		return plugins.Result{}, errors.New("res.statusCode: not a status that can be sent")
	}
	out.Status = int(code)
	if out.Status <= 299 {
		out.Verdict = plugins.Allow
	}
	if body := member(res, "body"); body != nil {
		b, err := text(body)
		if err != nil {
			return plugins.Result{}, err
		}
		out.Body = []byte(b)
	}
	if headers, ok := member(res, "headers").(*query.Object); ok {
		for i := range headers.Len() {
			name, value := headers.At(i)
			if err := setHeader(out.Header, name, value); err != nil {
				return plugins.Result{}, err
			}
		}
	}
	for _, list := range []string{"cookies", "clearCookies"} {
		calls, _ := member(res, list).([]any)
		for _, call := range calls {
			args, _ := call.([]any)
			c, err := p.cookie(args, list == "clearCookies")
			if err != nil {
				return plugins.Result{}, err
			}
			out.Cookies = append(out.Cookies, c)
		}
	}
	if data, ok := member(res, "authenticationData").(*query.Object); ok {
		out.Data = plugins.Data{
			IDToken: member(data, "id_token"), UserInfo: member(data, "userinfo"),
			AccessToken: member(data, "access_token"), RefreshToken: member(data, "refresh_token"),
		}
	}
	return out, nil
}

// member returns a member, nil if it is not there.
func member(o *query.Object, name string) query.Value {
	v, ok := o.Get(name)
	if !ok {
		return nil
	}
	return v
}

func text(v query.Value) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := query.AppendJSON(nil, v)
	return string(b), err
}

func setHeader(h http.Header, name string, v query.Value) error {
	values, ok := v.([]any)
	if !ok {
		values = []any{v}
	}
	for _, v := range values {
		s, err := text(v)
		value, ok := query.Latin1Bytes(s)
		if err != nil || !ok || !httpguts.ValidHeaderFieldValue(value) || !httpguts.ValidHeaderFieldName(name) {
			return errors.New("res.headers: a name or a value that no header can carry")
		}
		h.Add(name, value)
	}
	return nil
}

// cookie makes a cookie of the arguments of Express's res.cookie or res.clearCookie.
func (p *Plugin) cookie(args []any, clearIt bool) (*http.Cookie, error) {
	for len(args) < 3 {
		args = append(args, query.Undefined{})
	}
	name, _ := args[0].(string)
	value, options := args[1], args[2]
	if clearIt {
		value, options = "", args[1]
	}
	content, ok := value.(string)
	if !ok {
		text, err := query.AppendJSON([]byte("j:"), value)
		if err != nil {
			return nil, err
		}
		content = string(text)
	}
	c := &http.Cookie{Name: name, Path: "/"}
	o, _ := options.(*query.Object)
	if o == nil {
		o = &query.Object{}
	}
	if query.Truthy(member(o, "signed")) {
		if len(p.secret) == 0 {
			return nil, errors.New("res.cookie: signed: EAS_COOKIE_SIGN_SECRET is not set")
		}
		content = sign(content, p.secret)
	}
	c.Value = url.PathEscape(content)
	c.HttpOnly = query.Truthy(member(o, "httpOnly"))
	c.Secure = query.Truthy(member(o, "secure"))
	if path, ok := member(o, "path").(string); ok {
		c.Path = path
	}
	if domain, ok := member(o, "domain").(string); ok {
		c.Domain = domain
	}
	if ms, ok := member(o, "maxAge").(float64); ok {
		c.MaxAge = int(ms / 1000)
		c.Expires = p.now().Add(time.Duration(ms) * time.Millisecond)
	}
	c.SameSite = sameSite(member(o, "sameSite"))
	if clearIt {
		c.Value, c.MaxAge, c.Expires = "", -1, time.Unix(1, 0)
	}
	if err := c.Valid(); err != nil {
		return nil, fmt.Errorf("res.cookie: %w", err)
	}
	return c, nil
}

// sameSite takes what Express does: true is strict.
func sameSite(v query.Value) http.SameSite {
	name, _ := v.(string)
	if v == true {
		name = "strict"
	}
	switch strings.ToLower(name) {
	case "lax":
		return http.SameSiteLaxMode
	case "strict":
		return http.SameSiteStrictMode
	case "none":
		return http.SameSiteNoneMode
	}
	return 0
}

// sign signs as the npm package cookie-signature does, so that other services that read such cookies can go on.
func sign(value string, secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(value))
	return "s:" + value + "." + base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A load is what is sent: the same GET request, in which one piece may differ each time.
type load struct {
	path    string
	headers map[string]string
	// fills take the place of [hole] in path or a header, one after the other and then from the first again. None means
	// that there is no hole.
	fills []string
}

// hole is what no path and no header has in it.
const hole = "\x00"

// forwarded are the headers that nginx adds to each request, by the recipe in nginx/, and those of a browser.
var forwarded = map[string]string{
	"Host":              "auth.example.com",
	"X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.com", "X-Forwarded-Uri": "/a/b?x=1",
	"X-Forwarded-Method": "GET",
	"X-Forwarded-For":    "203.0.113.9",
	"User-Agent":         "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept": "*/*",
}

// verify is the load of verify requests with a config token, or whatever parameters, and headers of the client's.
func verify(parameters string, headers map[string]string) load {
	return load{path: "/verify?proxy=nginx&" + parameters, headers: headers}
}

// text is the request, byte for byte, with its hole.
func (l load) text() string {
	all := map[string]string{}
	for _, m := range []map[string]string{forwarded, l.headers} {
		for k, v := range m {
			all[k] = v
		}
	}
	names := make([]string, 0, len(all))
	for k := range all {
		names = append(names, k)
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\n", l.path)
	for _, k := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", k, all[k])
	}
	return b.String() + "\r\n"
}

// lua writes the script that makes wrk send l, whatever the server: all of them get the same bytes.
func (l load) lua(dir string) (string, error) {
	script := filepath.Join(dir, "load.lua")
	before, after, _ := strings.Cut(l.text(), hole)
	if len(l.fills) == 0 {
		return script, os.WriteFile(script,
			fmt.Appendf(nil, "local text = %q\nfunction wrk.format() return text end\n", before), 0o600)
	}
	fills := filepath.Join(dir, "fills")
	if err := os.WriteFile(fills, []byte(strings.Join(l.fills, "\n")+"\n"), 0o600); err != nil {
		return "", err
	}
	// Requests are put together before the clock starts: wrk must not be what limits the server.
	text := fmt.Appendf(nil, `local before, after, requests, n, i = %q, %q, {}, 0, 0
function init()
  for fill in io.lines(%q) do
    n = n + 1
    requests[n] = before .. fill .. after
  end
end
function request()
  i = i %% n + 1
  return requests[i]
end
`, before, after, fills)
	return script, os.WriteFile(script, text, 0o600)
}

// first asks for the first request of l once; anything but 200 is an error.
func (l load) first(base string) error {
	client := &http.Client{
		Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return l.ask(client, base)
}

// ask asks for the first request of l; anything but 200 is an error.
func (l load) ask(client *http.Client, base string) error {
	fill := func(s string) string {
		if len(l.fills) == 0 {
			return s
		}
		return strings.ReplaceAll(s, hole, l.fills[0])
	}
	req, err := http.NewRequest(http.MethodGet, base+fill(l.path), nil)
	if err != nil {
		return err
	}
	for _, m := range []map[string]string{forwarded, l.headers} {
		for k, v := range m {
			req.Header.Set(k, fill(v))
		}
	}
	req.Host = req.Header.Get("Host")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

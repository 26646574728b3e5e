// Command stranger does to easgate what must not harm anybody else: slow rules, wrong passwords, giant headers, calls
// whose message never comes. It takes a JSON file with a plan, and ends after the plan's duration.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// A plan says whom to harm, and for how long. Tokens are escaped for a URL.
type plan struct {
	HTTP, GRPC  string // host:port
	Connections int
	Duration    time.Duration
	// Slow have rules that never end, Password takes a password that is dear to check, Forward asks a service that resets
	// connections when headers are large.
	Slow              map[string]string // by engine
	Password, Forward string
	// Only is the one attack to make; empty makes all of them.
	Only string
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: stranger PLAN")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.Duration)
	defer cancel()
	kinds := p.kinds()
	if len(kinds) == 0 {
		log.Fatalf("no attack called %s", p.Only)
	}
	var wg sync.WaitGroup
	for i := range p.Connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				kinds[i%len(kinds)](ctx)
				// A connection that was ended is opened again, but not as fast as the processor can.
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
	wg.Wait()
}

// kinds are the attacks; each works on one connection until that ends.
func (p *plan) kinds() (kinds []func(context.Context)) {
	all := map[string]func(context.Context){
		"password":   p.asking(p.Password, func() string { return "Authorization: Basic " + guess() + "\r\n" }),
		"forward":    p.asking(p.Forward, func() string { return "X-Large: " + strings.Repeat("x", 30<<10) + "\r\n" }),
		"cookies":    p.asking(p.Slow["cookies"], func() string { return "Cookie: " + descending(1000) + "\r\n" }),
		"dribble":    p.dribble,
		"unfinished": func(ctx context.Context) { p.unfinished(ctx, stranger) },
		"idle":       p.idle,
	}
	if p.Only == "mad-proxy" { // whom one believes can take the processor, but not the memory
		all[p.Only] = func(ctx context.Context) { p.unfinished(ctx, proxy) }
	}
	for engine, token := range p.Slow {
		if engine != "cookies" {
			all[engine] = p.asking(token, func() string { return "" })
		}
	}
	for name, kind := range all {
		if p.Only == "" || p.Only == name {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func guess() string {
	return base64.StdEncoding.EncodeToString([]byte("alice:" + rand.Text()))
}

// descending is a Cookie header whose names are numbers that grow smaller. More than a thousand are refused at once.
func descending(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d=1; ", n-i)
	}
	return b.String()
}

// asking sends verify requests one after the other, with more headers.
func (p *plan) asking(token string, headers func() string) func(context.Context) {
	return func(ctx context.Context) {
		c, err := dial(ctx, p.HTTP)
		if err != nil {
			return
		}
		defer c.Close()
		in := bufio.NewReader(c)
		for ctx.Err() == nil {
			_, err := fmt.Fprintf(c, "GET /verify?proxy=nginx&config_token=%s HTTP/1.1\r\nHost: auth\r\nX-Forwarded-Method: "+
				"GET\r\n"+
				"X-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example.com\r\nX-Forwarded-Uri: /%s\r\n%s\r\n", token,
				rand.Text(), headers())
			if err != nil {
				return
			}
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				return
			}
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if err != nil {
				return
			}
		}
	}
}

// dribble sends a header one byte at a time.
func (p *plan) dribble(ctx context.Context) {
	c, err := dial(ctx, p.HTTP)
	if err != nil {
		return
	}
	defer c.Close()
	_, err = io.WriteString(c, "GET /verify HTTP/1.1\r\nX-A: ")
	for err == nil && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		_, err = io.WriteString(c, "x")
	}
}

// idle opens a gRPC connection and says nothing.
func (p *plan) idle(ctx context.Context) {
	c, err := dialFrom(ctx, stranger, p.GRPC)
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.Copy(io.Discard, c)
}

// stranger is an address that is no proxy's, proxy one that is.
var stranger, proxy = net.IPv4(127, 0, 0, 2), net.IPv4(127, 0, 0, 1)

// dial connects until ctx ends.
func dial(ctx context.Context, addr string) (net.Conn, error) { return dialFrom(ctx, proxy, addr) }

func dialFrom(ctx context.Context, from net.IP, addr string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err == nil {
		context.AfterFunc(ctx, func() { _ = c.Close() })
	}
	return c, err
}

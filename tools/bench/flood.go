package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// What others may notice of a stranger.
const (
	strangers     = 64
	floodP99      = 50 * time.Millisecond
	floodMemory   = 256 << 20
	floodInterval = 10 * time.Millisecond // between two requests of one user
)

// A floodRow is what one user saw while a stranger did its worst.
type floodRow struct {
	user             string
	requests, denied int
	p99              time.Duration
}

// flood has a stranger do its worst on 64 connections, and asks for others' tokens meanwhile. The stranger's processor
// time is its own machine's business: it runs only when nobody else wants to.
func (b *bench) flood(ctx context.Context, duration time.Duration) (rows []floodRow, rss int64, err error) {
	grpcAddr, err := freeAddr()
	if err != nil {
		return nil, 0, err
	}
	host, port, err := net.SplitHostPort(grpcAddr)
	if err != nil {
		return nil, 0, err
	}
	pins := b.pins
	b.pins = struct{ server, client []string }{} // on all processors
	// The stranger comes to the gRPC port from an address that is no proxy's, and to the others through one.
	server, err := b.startEasgate(ctx, "EAS_GRPC_ADDRESS="+host, "EAS_GRPC_PORT="+port, "EAS_TRUSTED_PROXIES=127.0.0.1")
	b.pins = pins
	if err != nil {
		return nil, 0, err
	}
	defer server.stop()
	service, err := newTouchy()
	if err != nil {
		return nil, 0, err
	}
	defer service.Close()
	users, err := b.users()
	if err != nil {
		return nil, 0, err
	}
	for _, l := range users {
		if err := server.ready(l); err != nil {
			return nil, 0, err
		}
	}
	stop, err := b.startStranger(ctx, server.addr, grpcAddr, "http://"+service.Addr().String(), duration)
	if err != nil {
		return nil, 0, err
	}
	defer stop()

	end := time.Now().Add(duration)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for name, l := range users {
		wg.Go(func() {
			row := asUser(l, "http://"+server.addr, end)
			row.user = name
			mu.Lock()
			defer mu.Unlock()
			rows = append(rows, row)
		})
	}
	for ; time.Now().Before(end) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		now, err := server.rss()
		if err != nil {
			return nil, 0, err
		}
		rss = max(rss, now)
	}
	wg.Wait()
	slices.SortFunc(rows, func(a, b floodRow) int { return int(a.p99 - b.p99) })
	return rows, rss, ctx.Err()
}

// users are what others ask for: from memory, with a password, and with a rule that needs the sandbox.
func (b *bench) users() (map[string]load, error) {
	users := map[string]load{}
	for _, s := range []scenario{
		{name: "noop", token: noop},
		{name: "htpasswd, remembered", token: htpasswd, headers: basic("alice:correct horse")},
		{name: "a rule by JSONata that needs the sandbox",
			token: asked("jsonata", `$substringBefore(req.headers.host, ":")`, "")},
	} {
		_, l, err := s.load(b)
		if err != nil {
			return nil, err
		}
		users[s.name] = l
	}
	return users, nil
}

// asUser asks once in a while until the end.
func asUser(l load, base string, end time.Time) (row floodRow) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	var took []time.Duration
	for next := time.Now(); next.Before(end) && time.Now().Before(end); next = next.Add(floodInterval) {
		time.Sleep(time.Until(next))
		// From when it was due: a request that waits for the one before is late too.
		if l.ask(client, base) != nil {
			row.denied++
		}
		took = append(took, time.Since(next))
	}
	slices.Sort(took)
	row.requests = len(took)
	row.p99 = took[len(took)*99/100]
	return row
}

// startStranger starts the stranger, and returns what ends it.
func (b *bench) startStranger(ctx context.Context, http, grpc, service string,
	duration time.Duration) (stop func(), err error) {
	seal := func(plugin map[string]any) string {
		sealed, sealErr := b.seal(map[string]any{"plugins": []any{plugin}})
		err = errors.Join(err, sealErr)
		return url.QueryEscape(sealed)
	}
	slow := func(engine, query string) string {
		return seal(map[string]any{"type": "noop", "pcb": map[string]any{"skip": []any{map[string]any{
			"query_engine": engine, "query": query, "rule": map[string]any{"method": "eq", "value": "1"},
		}}}})
	}
	hash, tokenErr := htpasswd()
	if tokenErr != nil {
		return nil, tokenErr
	}
	plan := map[string]any{
		"HTTP": http, "GRPC": grpc, "Connections": strangers, "Duration": duration,
		"Slow": map[string]string{
			"jsonata": slow("jsonata", `$count([1..9999999][$ % 2 = 0])`),
			"jq":      slow("jq", `[range(1e9)] | length`),
			"jp":      slow("jp", `$..[?(@.x == 1)]`),
			"cookies": slow("jp", `$.req.cookies.a`),
		},
		"Only":     b.attack,
		"Password": seal(hash["plugins"].([]any)[0].(map[string]any)),
		"Forward":  seal(map[string]any{"type": "forward", "url": service}),
	}
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "plan.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	program, err := build(ctx, b.dir, "stranger")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "nice", "-n", "19", program, file)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }, nil
}

// newTouchy starts a service for forward that resets the connection of whoever sends large headers, as Node.js does.
func newTouchy() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = srv.Serve(l) }()
	return l, nil
}

// floodReport writes rows as Markdown; the error says what was missed.
func floodReport(rows []floodRow, rss int64, duration time.Duration) (string, error) {
	var errs []error
	text := fmt.Sprintf("\n## While a stranger does its worst\n\n%d connections for %v: slow rules, wrong passwords, "+
		"giant headers and cookies, slow clients, unfinished gRPC calls.\n\n"+
		"| another user asks for | requests | not allowed | p99 | wanted |\n|---|--:|--:|--:|--:|\n", strangers, duration)
	for _, r := range rows {
		text += fmt.Sprintf("| %s | %s | %d | %v%s | ≤ %v |\n", r.user, count(float64(r.requests)), r.denied, micro(r.p99),
			verdict(r.p99 <= floodP99), floodP99)
		if r.denied > 0 || r.p99 > floodP99 {
			errs = append(errs, fmt.Errorf("%s: %d of %d not allowed, p99 %v", r.user, r.denied, r.requests, micro(r.p99)))
		}
	}
	text += fmt.Sprintf("\nResident memory was %s at most%s, wanted ≤ %s.\n", mb(rss), verdict(rss <= floodMemory),
		mb(floodMemory))
	if rss > floodMemory {
		errs = append(errs, fmt.Errorf("resident memory %s", mb(rss)))
	}
	return text, errors.Join(errs...)
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// So many requests are in flight as with wrk; Envoy keeps few connections with many streams each.
const (
	grpcConnections = 4
	grpcStreams     = connections / grpcConnections
)

// grpc compares Envoy's ext_authz with a bare gRPC server that answers OK.
func (b *bench) grpc(ctx context.Context) (row, error) {
	r := row{name: "gRPC ext_authz, noop, beside a bare gRPC server", atLeast: 0.50}
	r.missing = b.compareGRPC(ctx, &r)
	r.print()
	return r, r.missing
}

func (b *bench) compareGRPC(ctx context.Context, r *row) error {
	eas, err := noop()
	if err != nil {
		return err
	}
	sealed, err := b.seal(eas)
	if err != nil {
		return err
	}
	request, err := check(sealed)
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	server, err := b.startEasgate(ctx, "EAS_GRPC_ADDRESS="+host, "EAS_GRPC_PORT="+port)
	if err != nil {
		return err
	}
	defer server.stop()
	bare, err := b.startYardstick(ctx, "grpcecho")
	if err != nil {
		return err
	}
	defer bare.stop()
	g := &grpcLoad{bench: b, request: filepath.Join(b.dir, "check")}
	if g.program, err = build(ctx, b.dir, "grpcload"); err != nil {
		return err
	}
	wire, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	r.bytes = len(wire)
	if err := os.WriteFile(g.request, wire, 0o600); err != nil {
		return err
	}
	err = errors.Join(g.expect(ctx, addr, "easgate", request), g.expect(ctx, bare.addr, "bare", request))
	if err != nil {
		return err
	}
	var ours, echo []sample
	for range b.plan.rounds {
		e, err := bare.watch(func() (sample, error) { return g.run(ctx, bare.addr, "bare") })
		if err != nil {
			return fmt.Errorf("bare server: %w", err)
		}
		o, err := server.watch(func() (sample, error) { return g.run(ctx, addr, "easgate") })
		if err != nil {
			return fmt.Errorf("easgate: %w", err)
		}
		echo, ours = append(echo, e), append(ours, o)
	}
	r.fill(ours, echo)
	return nil
}

// check is what Envoy asks, with the headers of the HTTP scenarios.
func check(sealed string) (*authv3.CheckRequest, error) {
	parameters, err := json.Marshal(map[string]string{"config_token": sealed})
	if err != nil {
		return nil, err
	}
	headers := map[string]string{":authority": "app.example.com", ":path": "/a/b?x=1", ":method": "GET",
		":scheme":    "https",
		"user-agent": forwarded["User-Agent"], "accept": "*/*", "x-forwarded-for": forwarded["X-Forwarded-For"],
		"x-forwarded-proto": "https"}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		ContextExtensions: map[string]string{"x-eas-verify-params": string(parameters)},
		Destination: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 443}},
		}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Host: "app.example.com", Path: "/a/b?x=1", Scheme: "https", Headers: headers,
		}},
	}}, nil
}

// A grpcLoad is a request in a file, and the program that sends it.
type grpcLoad struct {
	bench            *bench
	program, request string
}

// expect asks the server at addr once, waiting for it to start, and keeps its answer, which must be OK, under name.
func (g *grpcLoad) expect(ctx context.Context, addr, name string, request *authv3.CheckRequest) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	answer, err := authv3.NewAuthorizationClient(conn).Check(ctx, request, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	if answer.GetOkResponse() == nil {
		return errors.New("the check was denied")
	}
	wire, err := proto.Marshal(answer)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(g.bench.dir, name+".answer"), wire, 0o600)
}

// run sends the request to addr for one round.
func (g *grpcLoad) run(ctx context.Context, addr, name string) (sample, error) {
	b := g.bench
	args := slices.Concat(b.pins.client, []string{
		g.program, "-connections", strconv.Itoa(grpcConnections), "-streams", strconv.Itoa(grpcStreams), "-duration",
		b.plan.duration.String(),
		addr, authv3.Authorization_Check_FullMethodName, g.request, filepath.Join(b.dir, name+".answer"),
	})
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return sample{}, fmt.Errorf("grpcload: %s", exit.Stderr)
	}
	if err != nil {
		return sample{}, err
	}
	var result struct {
		Requests  int
		PerSecond float64
		P99       time.Duration
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return sample{}, err
	}
	return sample{perSecond: result.PerSecond, p99: result.P99, requests: result.Requests}, nil
}

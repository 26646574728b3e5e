package main

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// server answers OK, and notes which path was asked for.
type server struct {
	authv3.UnimplementedAuthorizationServer
	path atomic.Value
}

func (s *server) Check(_ context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	s.path.Store(in.GetAttributes().GetRequest().GetHttp().GetPath())
	return &authv3.CheckResponse{Status: &status.Status{Message: "OK"}}, nil
}

func TestLoad(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, g := &server{}, grpc.NewServer(grpc.NumStreamWorkers(1))
	authv3.RegisterAuthorizationServer(g, s)
	go func() { _ = g.Serve(l) }()
	defer g.Stop()
	request, err := proto.Marshal(&authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Path: "/a"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := proto.Marshal(&authv3.CheckResponse{Status: &status.Status{Message: "OK"}})
	if err != nil {
		t.Fatal(err)
	}
	const check = authv3.Authorization_Check_FullMethodName

	// Fewer answers would be a connection that stalls.
	took, err := load(l.Addr().String(), check, message(request), message(answer), 1, time.Now().Add(500*time.Millisecond))
	if err != nil || len(took) < 100 || s.path.Load() != "/a" {
		t.Errorf("load() = %d answers, %v, asked for %q; want many for /a", len(took), err, s.path.Load())
	}
	// A denial is fast; its speed must not be taken for ours.
	if took, err := load(l.Addr().String(), check, message(request), message([]byte("x")), 1, time.Now().Add(time.Second)); err == nil {
		t.Errorf("load(another answer) = %d answers, want an error", len(took))
	}
	if took, err := load(l.Addr().String(), "/no.such/Method", message(request), message(answer), 1, time.Now().Add(time.Second)); err == nil {
		t.Errorf("load(unknown method) = %d answers, want an error", len(took))
	}
}

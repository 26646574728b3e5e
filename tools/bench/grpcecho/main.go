// Command grpcecho is the yardstick of tools/bench for gRPC: a bare ext_authz server that answers OK to every check.
// It takes the address to listen on.
package main

import (
	"context"
	"log"
	"net"
	"os"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
)

type authorization struct {
	authv3.UnimplementedAuthorizationServer
	ok *authv3.CheckResponse
}

// Check implements [authv3.AuthorizationServer].
func (a *authorization) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return a.ok, nil
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: grpcecho ADDRESS")
	}
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	g := grpc.NewServer()
	authv3.RegisterAuthorizationServer(g, &authorization{ok: &authv3.CheckResponse{
		Status:       &status.Status{Message: "OK"},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}},
	}})
	log.Fatal(g.Serve(l))
}

package envoy

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

// A fixture is a gRPC server for a verifier.
type fixture struct{ *verifytest.Fixture }

func newFixture(t testing.TB, change func(*verify.Config)) *fixture {
	t.Helper()
	return &fixture{verifytest.New(t, change)}
}

// envoy returns a connection to f's gRPC side.
func (f *fixture) envoy(t testing.TB) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(f.Verifier, nil, listen.NewBudget())
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.grpc.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func paramsOf(token string) string {
	text, _ := json.Marshal(map[string]string{"config_token": token})
	return string(text)
}

// checkRequest is what Envoy asks with the parameters in the context extensions.
func checkRequest(token string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		ContextExtensions: map[string]string{"x-eas-verify-params": paramsOf(token)},
		Destination: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 443}},
		}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Host: "app.example.com", Path: "/a?b=c", Scheme: "https",
			Headers: map[string]string{":authority": "app.example.com", "x-key": "k"},
		}},
	}}
}

// uriToken answers with the parent request as easgate sees it.
const uriToken = `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{
	"X-Info":{"source":"parentRequestInfo"},"X-Nothing":{"source":"userinfo"}}}}`

func info(t *testing.T, res *authv3.CheckResponse) string {
	t.Helper()
	for _, h := range res.GetOkResponse().GetHeaders() {
		if h.GetHeader().GetKey() == "X-Info" {
			uri, _, _ := strings.Cut(strings.TrimPrefix(h.GetHeader().GetValue(), `{"uri":"`), `"`)
			return uri
		}
	}
	return ""
}

func TestGRPC(t *testing.T) {
	f := newFixture(t, nil)
	client := authv3.NewAuthorizationClient(f.envoy(t))
	filter := func(fields map[string]any) *corev3.Metadata {
		inner, err := structpb.NewStruct(map[string]any{"eas": fields})
		if err != nil {
			t.Fatal(err)
		}
		return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"eas": inner}}
	}
	http := func(in *authv3.CheckRequest) *authv3.AttributeContext_HttpRequest { return in.Attributes.Request.Http }
	tests := []struct {
		name     string
		token    string
		change   func(*authv3.CheckRequest)
		metadata []string
		more     []string
		code     codes.Code
		status   int32
		uri      string
	}{
		{name: "allow", code: codes.OK, uri: "https://app.example.com/a?b=c"},
		{name: "deny", token: verifytest.NoopToken("403"), code: codes.PermissionDenied, status: 403},
		{name: "redirect", token: verifytest.NoopToken("302"), code: codes.PermissionDenied, status: 302},
		{name: "request header", token: `{"eas":{"plugins":[{"type":"request_header","headers":{"X-Key":"k"}}]}}`, code: codes.OK},
		{name: "no parameters", change: func(in *authv3.CheckRequest) { in.Attributes.ContextExtensions = nil }, code: codes.Unavailable, status: 503},
		{name: "unreadable token", token: "garbage", code: codes.Unavailable, status: 503},
		{name: "empty request", change: func(in *authv3.CheckRequest) { in.Attributes = nil }, code: codes.Unavailable, status: 503},
		{name: "initial metadata beats extensions", metadata: []string{paramsOf(verifytest.NoopToken("401"))}, code: codes.PermissionDenied, status: 401},
		// ATTACKS 77: EAS takes the last.
		{name: "two parameters in the initial metadata", metadata: []string{paramsOf(verifytest.NoopToken("200")), paramsOf(verifytest.NoopToken("401"))}, code: codes.Unavailable, status: 503},
		{name: "two equal ones", metadata: []string{paramsOf(verifytest.NoopToken("200")), paramsOf(verifytest.NoopToken("200"))}, code: codes.Unavailable, status: 503},
		{name: "two schemes", more: []string{"x-forwarded-proto", "http", "x-forwarded-proto", "https"}, code: codes.Unavailable, status: 503},
		{name: "two ports", more: []string{"x-forwarded-port", "80", "x-forwarded-port", "443"}, code: codes.Unavailable, status: 503},
		{name: "one of each", more: []string{"x-forwarded-proto", "http", "x-forwarded-port", "81"}, code: codes.OK, uri: "http://app.example.com:81/a?b=c"},
		{name: "filter metadata beats both", metadata: []string{paramsOf(verifytest.NoopToken("401"))}, code: codes.OK, change: func(in *authv3.CheckRequest) {
			in.Attributes.MetadataContext = filter(map[string]any{"x-eas-verify-params": paramsOf(verifytest.NoopToken("204"))})
		}},
		{name: "a malformed filter value hides the others", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) {
			in.Attributes.MetadataContext = filter(map[string]any{"x-eas-verify-params": []any{"x"}})
		}},
		{name: "client header is not a parameter", token: verifytest.NoopToken("401"), code: codes.PermissionDenied, status: 401, change: func(in *authv3.CheckRequest) {
			http(in).Headers["x-eas-verify-params"] = paramsOf(verifytest.NoopToken("200"))
		}},
		{name: "scheme from x-forwarded-proto", code: codes.OK, uri: "http://app.example.com:443/a?b=c", change: func(in *authv3.CheckRequest) {
			http(in).Headers["x-forwarded-proto"] = "http"
		}},
		{name: "no scheme", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) { http(in).Scheme = "" }},
		{name: "port of Host", code: codes.OK, uri: "https://app.example.com:8443/a?b=c", change: func(in *authv3.CheckRequest) { http(in).Host = "app.example.com:8443" }},
		{name: "port of filter metadata", code: codes.OK, uri: "https://app.example.com:9443/a?b=c", change: func(in *authv3.CheckRequest) {
			in.Attributes.MetadataContext = filter(map[string]any{"x-forwarded-port": 9443})
		}},
		{name: "443 as text is left out too", code: codes.OK, uri: "https://app.example.com/a?b=c", change: func(in *authv3.CheckRequest) {
			in.Attributes.ContextExtensions["x-forwarded-port"] = "443"
		}},
		{name: "IPv6", code: codes.OK, uri: "https://[::1]:8443/a?b=c", change: func(in *authv3.CheckRequest) { http(in).Host = "[::1]:8443" }},
		{name: "no port", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) { in.Attributes.Destination = nil }},
		// ATTACKS 60: Envoy's path holds the query.
		{name: "path with a query that looks like a path", code: codes.OK, uri: "https://app.example.com/admin?x=/public", change: func(in *authv3.CheckRequest) {
			http(in).Path, http(in).Query = "/admin?x=/public", ""
		}},
		// ATTACKS 45.
		{name: "path without a slash", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) { http(in).Path = "public" }},
		// ATTACKS 58: EAS glued these into another path.
		{name: "host with a path", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) { http(in).Host = "a/public?" }},
		{name: "host with user info", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) { http(in).Host = "a@b/public#" }},
		{name: "path with user info", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) { http(in).Path = "@evil/public" }},
		{name: "dot segments", code: codes.Unavailable, status: 503, change: func(in *authv3.CheckRequest) { http(in).Path = "/public/../admin" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.token == "" {
				tt.token = uriToken
			}
			in := checkRequest(tt.token)
			if tt.change != nil {
				tt.change(in)
			}
			ctx := t.Context()
			for _, v := range tt.metadata {
				ctx = metadata.AppendToOutgoingContext(ctx, "x-eas-verify-params", v)
			}
			ctx = metadata.AppendToOutgoingContext(ctx, tt.more...)
			res, err := client.Check(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			if got := codes.Code(res.GetStatus().GetCode()); got != tt.code { // a gRPC code
				t.Errorf("code = %v, want %v; log:\n%s", got, tt.code, f.Log)
			}
			if got := int32(res.GetDeniedResponse().GetStatus().GetCode()); got != tt.status {
				t.Errorf("status = %d, want %d", got, tt.status)
			}
			if (tt.code == codes.OK) != (res.GetOkResponse() != nil) {
				t.Errorf("response = %T with code %v", res.GetHttpResponse(), tt.code)
			}
			if tt.uri != "" && info(t, res) != tt.uri {
				t.Errorf("parent URI = %q, want %q", info(t, res), tt.uri)
			}
		})
	}
}

// Envoy does not send empty headers upstream, and would leave the client's (ATTACKS 55).
func TestGRPCEmptyHeaders(t *testing.T) {
	f := newFixture(t, nil)
	res, err := authv3.NewAuthorizationClient(f.envoy(t)).Check(t.Context(), checkRequest(uriToken))
	if err != nil {
		t.Fatal(err)
	}
	if remove := res.GetOkResponse().GetHeadersToRemove(); !slices.Contains(remove, "X-Nothing") {
		t.Errorf("headers to remove = %v, want X-Nothing among them", remove)
	}
}

func TestGRPCHealth(t *testing.T) {
	f := newFixture(t, nil)
	res, err := healthv1.NewHealthClient(f.envoy(t)).Check(context.Background(), &healthv1.HealthCheckRequest{})
	if err != nil || res.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health = %v, %v, want SERVING", res.GetStatus(), err)
	}
}

func BenchmarkGRPC(b *testing.B) {
	f := newFixture(b, nil)
	client := authv3.NewAuthorizationClient(f.envoy(b))
	in := checkRequest(verifytest.NoopToken("200"))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if res, err := client.Check(b.Context(), in); err != nil || res.GetOkResponse() == nil {
				b.Fatal(res, err)
			}
		}
	})
}

// ATTACKS 45: a request that no proxy would let through is not taken apart.
func TestGRPCRequestTooLong(t *testing.T) {
	f := newFixture(t, nil)
	client := authv3.NewAuthorizationClient(f.envoy(t))
	long := strings.Repeat("a", listen.MaxHeader/2)
	for name, tt := range map[string]struct {
		path, header string
		allow        bool
	}{
		"path":   {"/?" + long + long, "", false},
		"header": {"/", long + long, false},
		"both":   {"/?" + long, long, false},
		"fits":   {"/?" + long, "a", true},
	} {
		in := checkRequest(verifytest.NoopToken("200"))
		in.Attributes.Request.Http.Path, in.Attributes.Request.Http.Headers["x-long"] = tt.path, tt.header
		res, err := client.Check(t.Context(), in)
		if allow := res.GetOkResponse() != nil; err != nil || allow != tt.allow {
			t.Errorf("%s: allowed = %v, %v, want %v", name, allow, err, tt.allow)
		}
	}
}

// Over gRPC as over HTTP.
func TestGRPCDenialsNameTheClient(t *testing.T) {
	f := newFixture(t, nil)
	client := authv3.NewAuthorizationClient(f.envoy(t))
	const passwordToken = `{"eas":{"plugins":[{"type":"htpasswd","htpasswd":"alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}]}}`
	for _, path := range []string{"/a", "/\\"} {
		in := checkRequest(passwordToken)
		in.Attributes.Request.Http.Path = path
		in.Attributes.Request.Http.Headers["x-forwarded-for"] = "203.0.113.7"
		in.Attributes.Request.Http.Headers["authorization"] = "Basic YWxpY2U6Z3Vlc3M="
		if _, err := client.Check(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"outcome=deny status=401 client=203.0.113.7 tried=password user=alice ", "outcome=refused status=503 client=203.0.113.7 "} {
		if !strings.Contains(f.Log.String(), want) {
			t.Errorf("log = %s, want %s", f.Log, want)
		}
	}
}

// A fault outside of any plugin does not end the process, which gRPC would let happen.
func TestGRPCPanicDenies(t *testing.T) {
	f := newFixture(t, func(c *verify.Config) { c.Pipelines = nil })
	res, err := authv3.NewAuthorizationClient(f.envoy(t)).Check(t.Context(), checkRequest(verifytest.NoopToken("200")))
	if err != nil || res.GetDeniedResponse() == nil || !strings.Contains(f.Log.String(), "level=ERROR") {
		t.Errorf("Check = %v, %v, want a denial, and an error in the log:\n%s", res, err, f.Log)
	}
}

package envoy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/server/listen"
	"github.com/easgate/easgate/internal/server/verify"
)

// A Server is the gRPC server with ext_authz and the health service (grpc.health.v1).
type Server struct {
	grpc *grpc.Server
	v    *verify.Verifier
}

// NewServer returns a server, with TLS if it is not nil. Large requests share what large holds.
func NewServer(v *verify.Verifier, encrypted *tls.Config, large *semaphore.Weighted) *Server {
	options := newIntake(large).options()
	if encrypted != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(encrypted)))
	}
	g := grpc.NewServer(options...)
	authv3.RegisterAuthorizationServer(g, &authorization{v: v})
	healthv1.RegisterHealthServer(g, health.NewServer())
	return &Server{g, v}
}

// Serve serves connections of trusted peers, until Shutdown.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(proxiesOnly{l, s.v}) }

// Shutdown ends the server, and cuts off what is still in flight when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	// Somebody who watches the health service never finishes.
	defer context.AfterFunc(ctx, s.grpc.Stop)()
	s.grpc.GracefulStop()
	return nil
}

// authorization is Envoy's ext_authz service, version 3. It asks the same pipelines as /verify.
type authorization struct {
	authv3.UnimplementedAuthorizationServer
	v *verify.Verifier
}

// Check decides one request. What keeps it from being judged at all — parameters, token, scheme, port — answers
// UNAVAILABLE and 503, a plugin's denial PERMISSION_DENIED with the plugin's answer.
func (a *authorization) Check(ctx context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	var from net.Addr // trusted: see [proxiesOnly]
	if p, ok := peer.FromContext(ctx); ok {
		if c, ok := p.Addr.(*counted); ok {
			from = c.Addr
		}
	}
	q := a.v.Begin(a.v.Peer(from))
	q.Profile = parent.Envoy
	d := a.check(ctx, in, q)
	a.v.Finish(ctx, q, &d)
	return response(&d, q), nil
}

func (a *authorization) check(ctx context.Context, in *authv3.CheckRequest, q *verify.Request) (d pipeline.Decision) {
	defer a.v.Rescue(&d)
	request := in.GetAttributes().GetRequest().GetHttp()
	if request == nil {
		return unavailable(errors.New("attributes.request.http: missing"))
	}
	if requestBytes(request) > listen.MaxHeader { // as over HTTP
		return unavailable(errRequestTooLong)
	}
	look := newLookup(ctx, in)
	text, _ := look.find("x-eas-verify-params")
	q.Params = a.v.JSONParams(text)
	if err := q.Params.Err(); err != nil {
		return unavailable(err)
	}
	q.Header, q.Host, q.Method, q.Major, q.Minor = headerOf(request), request.GetHost(), request.GetMethod(), 1, 1
	_, q.RawQuery, _ = strings.Cut(request.GetPath(), "?")
	scheme, host, err := look.origin(request)
	if err == nil {
		q.Parent, err = parent.Envoy.Parse(parent.Input{
			Header: http.Header{"X-Forwarded-Proto": {scheme}}, Host: host, Method: request.GetMethod(),
			Suffix: request.GetPath(),
		})
	}
	if err != nil {
		return unavailable(err)
	}
	return a.v.Decide(ctx, q, nil)
}

func unavailable(err error) pipeline.Decision {
	return verify.Refuse(http.StatusServiceUnavailable, err)
}

func requestBytes(r *authv3.AttributeContext_HttpRequest) int {
	n := len(r.GetPath()) + len(r.GetHost())
	for name, value := range r.GetHeaders() {
		n += len(name) + len(value)
	}
	return n
}

// headerOf returns the client's headers. HTTP/2's pseudo headers are none to anyone upstream, and net/http lets no
// other name pass that is no token (RFC 9110 §5.1).
func headerOf(r *authv3.AttributeContext_HttpRequest) http.Header {
	h := make(http.Header, len(r.GetHeaders()))
	for name, value := range r.GetHeaders() {
		if httpguts.ValidHeaderFieldName(name) && !strings.EqualFold(name, "host") {
			h[http.CanonicalHeaderKey(name)] = []string{value}
		}
	}
	return h
}

// A lookup finds what the operator configured in Envoy, in external-auth-server's order: filter metadata (namespace
// eas, key eas), then the initial metadata of the call, then the context extensions of the route.
// Headers of the request are the client's and are not looked at, but for x-forwarded-proto, which Envoy sets.
type lookup struct {
	filter     map[string]*structpb.Value
	initial    metadata.MD
	extensions map[string]string
	port       uint32
}

func newLookup(ctx context.Context, in *authv3.CheckRequest) lookup {
	initial, _ := metadata.FromIncomingContext(ctx)
	attributes := in.GetAttributes()
	namespace := attributes.GetMetadataContext().GetFilterMetadata()["eas"]
	return lookup{
		filter:     namespace.GetFields()["eas"].GetStructValue().GetFields(),
		initial:    initial,
		extensions: attributes.GetContextExtensions(),
		port:       attributes.GetDestination().GetAddress().GetSocketAddress().GetPortValue(),
	}
}

// find returns the text of the first source that has name. A filter value that is neither text nor a number, or two
// values in the initial metadata, are no text, and hide the sources below: what was meant is not for us to guess.
func (l *lookup) find(name string) (string, bool) {
	if v, ok := l.filter[name]; ok {
		switch v := v.GetKind().(type) {
		case *structpb.Value_StringValue:
			if v.StringValue != "" {
				return v.StringValue, true
			}
		case *structpb.Value_NumberValue:
			return strconv.FormatFloat(v.NumberValue, 'f', -1, 64), true
		default:
			return "", true
		}
	}
	switch values := l.initial[name]; {
	case len(values) > 1: // one of them may be somebody else's (EAS takes the last)
		return "", true
	case len(values) == 1 && values[0] != "":
		return values[0], true
	}
	text := l.extensions[name]
	return text, text != ""
}

var errRequestTooLong = errors.New("attributes.request.http: path and headers longer than 128 KB together")

var errScheme = errors.New("x-forwarded-proto: no scheme in the request, the filter metadata, " +
	"the initial metadata or the context extensions")

// origin returns the parent request's scheme and host; the port is left out where it is the scheme's own.
func (l *lookup) origin(r *authv3.AttributeContext_HttpRequest) (scheme, host string, err error) {
	scheme = r.GetHeaders()["x-forwarded-proto"]
	if scheme == "" {
		var configured bool
		if scheme, configured = l.find("x-forwarded-proto"); !configured {
			scheme = r.GetScheme()
		}
	}
	if scheme != "http" && scheme != "https" {
		return "", "", errScheme
	}
	host, port := r.GetHost(), ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
		if strings.Contains(h, ":") {
			host = "[" + h + "]"
		}
	}
	if configured, ok := l.find("x-forwarded-port"); ok {
		port = configured
	} else if port == "" && l.port != 0 {
		port = strconv.FormatUint(uint64(l.port), 10)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", "", errors.New("x-forwarded-port: no port in the filter metadata, the initial metadata, " +
			"the context extensions, Host or the destination address")
	}
	if scheme == "http" && n == 80 || scheme == "https" && n == 443 {
		return scheme, host, nil
	}
	return scheme, host + ":" + strconv.FormatUint(n, 10), nil
}

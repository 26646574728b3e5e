package envoy

import (
	"net/http"
	"net/textproto"
	"strings"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/plugins"
)

func response(d *pipeline.Decision, q *verify.Request) *authv3.CheckResponse {
	if verify.Refused(d) || d.Err != nil {
		return denied(codes.Unavailable, http.StatusServiceUnavailable, &plugins.Result{}, q.ID())
	}
	res := &d.Result
	if res.Verdict == plugins.Allow {
		return &authv3.CheckResponse{
			Status:       &status.Status{Code: int32(codes.OK), Message: "OK"},
			HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: allowed(res)},
		}
	}
	return denied(codes.PermissionDenied, q.Status(res), res, q.ID())
}

// denied is what the client gets.
func denied(code codes.Code, httpStatus int, res *plugins.Result, id string) *authv3.CheckResponse {
	var headers fields
	for name, values := range res.Header {
		headers = headers.add(textproto.CanonicalMIMEHeaderKey(name), values, false)
	}
	headers = headers.add("Set-Cookie", cookies(res), true)
	headers = headers.add("Cache-Control", []string{"no-store"}, false)
	headers = headers.add("X-Eas-Decision-Id", []string{id}, false)
	return &authv3.CheckResponse{
		Status: &status.Status{Code: int32(code)}, // a gRPC code
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(httpStatus)}, // 101 to 999
			Headers: headers,
			Body:    strings.ToValidUTF8(string(res.Body), "\uFFFD"),
		}},
	}
}

// allowed sorts the answer's fields: the upstream request gets what names somebody, the client's response what a
// response has, and nobody what describes the answer itself. Over HTTP it is the proxy's configuration that chooses.
func allowed(res *plugins.Result) *authv3.OkHttpResponse {
	ok := &authv3.OkHttpResponse{}
	for name, values := range res.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch to := verify.DestinationOf(name); {
		case to == verify.ToNobody:
		case to != verify.ToUpstream:
			ok.ResponseHeadersToAdd = fields(ok.ResponseHeadersToAdd).add(name, values, to == verify.ToClientToo)
		case values[0] == "":
			// Envoy drops empty values, and would let the client's own header of that name through.
			ok.HeadersToRemove = append(ok.HeadersToRemove, name)
		default:
			ok.Headers = fields(ok.Headers).add(name, values, false)
		}
	}
	ok.ResponseHeadersToAdd = fields(ok.ResponseHeadersToAdd).add("Set-Cookie", cookies(res), true)
	return ok
}

// fields are headers as Envoy takes them.
type fields []*corev3.HeaderValueOption

// add adds name with its values. The first replaces what is there, unless it stands beside it.
func (f fields) add(name string, values []string, beside bool) fields {
	for i, value := range values {
		h := &corev3.HeaderValue{Key: name, Value: value}
		if !utf8.ValidString(value) {
			h.Value, h.RawValue = "", []byte(value)
		}
		f = append(f, &corev3.HeaderValueOption{
			Header: h,
			Append: wrapperspb.Bool(beside || i > 0), //nolint:staticcheck // every Envoy knows it; append_action came with 1.22
		})
	}
	return f
}

func cookies(res *plugins.Result) []string {
	values := make([]string, len(res.Cookies))
	for i, c := range res.Cookies {
		values[i] = c.String()
	}
	return values
}

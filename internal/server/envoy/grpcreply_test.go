package envoy

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/server/verify"
	"github.com/easgate/easgate/plugins"
)

// show writes headers as "Name=value", those that stand beside others with a plus.
func show(headers []*corev3.HeaderValueOption) string {
	var all []string
	for _, h := range headers {
		sign := "="
		if h.GetAppend().GetValue() { //nolint:staticcheck // what is sent
			sign = "+="
		}
		all = append(all, h.GetHeader().GetKey()+sign+h.GetHeader().GetValue()+string(h.GetHeader().GetRawValue()))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// ATTACKS 78: what the answer says of itself does not describe the upstream request; what is the client's reaches it.
func TestGRPCDestinations(t *testing.T) {
	answer := plugins.Result{
		Verdict: plugins.Allow,
		Header: http.Header{
			"X-Auth-User": {"alice"}, "authorization": {"Bearer x"}, "X-Name": {"M\xfcller"}, "X-None": {""}, "Two": {"a", "b"},
			"Set-Cookie": {"a=1", "b=2"}, "Vary": {"Cookie"}, "Strict-Transport-Security": {"max-age=1"}, "Access-Control-Allow-Origin": {"*"},
			"Content-Type": {"text/plain"}, "Content-Encoding": {"br"}, "Server": {"service"}, "Cache-Control": {"no-cache"}, "Etag": {"x"},
			"X-Accel-Redirect": {"/secret"},
		},
		Cookies: []*http.Cookie{{Name: "c", Value: "3"}},
	}
	f := newFixture(t, nil)
	q, refusal := f.Begin(f.Peer(nil)), verify.Refuse(503, errors.New("x"))
	f.Finish(t.Context(), q, &refusal) // which gives q its id
	res := response(&pipeline.Decision{Result: answer}, q)
	ok := res.GetOkResponse()
	if got, want := show(ok.GetHeaders()), "Authorization=Bearer x Two+=b Two=a X-Auth-User=alice X-Name=M\xfcller"; got != want {
		t.Errorf("to the upstream:\n%s, want\n%s", got, want)
	}
	if got, want := show(ok.GetResponseHeadersToAdd()),
		"Access-Control-Allow-Origin=* Set-Cookie+=a=1 Set-Cookie+=b=2 Set-Cookie+=c=3 Strict-Transport-Security=max-age=1 Vary+=Cookie"; got != want {
		t.Errorf("to the client:\n%s, want\n%s", got, want)
	}
	if got := ok.GetHeadersToRemove(); len(got) != 1 || got[0] != "X-None" {
		t.Errorf("removed: %v, want X-None", got)
	}

	answer.Verdict, answer.Status, answer.Body = plugins.Deny, 401, []byte("no")
	answer.Header = http.Header{"Www-Authenticate": {"Basic"}, "Content-Type": {"text/plain"}, "Cache-Control": {"public"}}
	denial := response(&pipeline.Decision{Result: answer}, q).GetDeniedResponse()
	want := "Cache-Control=no-store Cache-Control=public Content-Type=text/plain Set-Cookie+=c=3 Www-Authenticate=Basic X-Eas-Decision-Id=" + q.ID()
	if got := show(denial.GetHeaders()); got != want {
		t.Errorf("a denial:\n%s, want\n%s", got, want)
	}
	if last := denial.GetHeaders()[len(denial.GetHeaders())-2].GetHeader(); last.GetValue() != "no-store" {
		t.Errorf("the last Cache-Control is %v, want no-store", last)
	}
	refused := response(&refusal, q).GetDeniedResponse()
	if got, want := show(refused.GetHeaders()), "Cache-Control=no-store X-Eas-Decision-Id="+q.ID(); got != want {
		t.Errorf("a refusal: %s, want %s", got, want)
	}
}

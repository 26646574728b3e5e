package verify

import (
	"strings"

	"github.com/easgate/easgate/internal/httpfield"
)

// A Destination is where a field of an answer that allows goes, where no proxy's configuration chooses.
type Destination uint8

// Where fields go.
const (
	ToUpstream  Destination = iota
	ToClient                // instead of the application's own field of that name
	ToClientToo             // beside the application's own
	ToNobody
)

// DestinationOf decides by a field's canonical name (RFC 9110 and the registry of field names).
func DestinationOf(name string) Destination {
	switch name {
	case "Set-Cookie", "Link", "Vary", "Www-Authenticate", "Authentication-Info", "Proxy-Authenticate", "Server-Timing",
		"Content-Security-Policy", "Content-Security-Policy-Report-Only", "Clear-Site-Data":
		return ToClientToo
	case "Location", "Refresh", "Retry-After", "Allow", "Alt-Svc", "Strict-Transport-Security", "Permissions-Policy",
		"Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options", "X-Xss-Protection", "X-Robots-Tag",
		"Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
		"Report-To", "Reporting-Endpoints", "Nel", "Sourcemap", "Timing-Allow-Origin", "Deprecation", "Sunset":
		return ToClient
	case "Accept-Ranges", "Age", "Cache-Control", "Date", "Etag", "Expires", "Last-Modified", "Pragma", "Server", "Via",
		"X-Powered-By":
		return ToNobody
	}
	switch {
	case httpfield.OfConnection(name), strings.HasPrefix(name, "Content-"), strings.HasPrefix(name, "X-Accel-"):
		return ToNobody
	case strings.HasPrefix(name, "Access-Control-"):
		return ToClient
	}
	return ToUpstream
}

package verify

import (
	"context"
	"log/slog"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/server/metrics"
	"github.com/easgate/easgate/plugins"
)

// report logs and counts a decision. Denials and faults are logged at info, allows at debug: a log line costs a fifth
// of a whole request.
func (v *Verifier) report(ctx context.Context, q *Request, d *pipeline.Decision) {
	o := metrics.Deny
	switch {
	case d.Result.Verdict == plugins.Allow:
		o = metrics.Allow
	case Refused(d):
		o = metrics.Refused
	case d.Err != nil:
		o = metrics.Failed
	}
	took := time.Since(q.start)
	v.cfg.Metrics.Decided(o, d.Plugin, took)
	if d.Unsent > 0 {
		v.cfg.Metrics.Unsent(d.Unsent)
	}
	level := slog.LevelInfo
	if o == metrics.Allow && !v.cfg.LogAllows {
		level = slog.LevelDebug
	}
	if !v.cfg.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 13)
	attrs = append(attrs, slog.String("decision", q.id[0]), slog.String("outcome", o.String()),
		slog.Int("status", d.Result.StatusCode()))
	// The address stands in front of all that a client can write, for programs that look for it.
	attrs = append(attrs, slog.String("client", v.client(q)))
	if name := d.Result.Tried; name != "" && o != metrics.Allow {
		attrs = append(attrs, slog.String("tried", "password"))
		if !v.cfg.OmitUsers {
			attrs = append(attrs, slog.String("user", printable(name, maxLoggedName)))
		}
	}
	if d.Plugin != "" {
		attrs = append(attrs, slog.String("plugin", d.Plugin), slog.Int("step", d.Step))
	}
	if d.Result.Reason != "" {
		attrs = append(attrs, slog.String("reason", d.Result.Reason))
	}
	if d.Result.Identity.Subject != "" && !v.cfg.OmitUsers {
		attrs = append(attrs, slog.String("subject", d.Result.Identity.Subject))
	}
	if d.Err != nil {
		attrs = append(attrs, slog.String("error", d.Err.Error()))
	}
	if u := &q.Parent.URL; q.Parent.URI() != "" {
		// Not the query: it is where tokens travel.
		attrs = append(attrs, slog.String("method", q.Parent.Method), slog.String("host", u.Host),
			slog.String("path", u.Path))
	}
	attrs = append(attrs, slog.String("profile", q.Profile.String()), slog.Duration("took", took))
	v.cfg.Log.LogAttrs(ctx, level, "verify", attrs...)
}

// maxLoggedName bounds what a client can write into the log for a user name, in bytes before they are escaped.
const maxLoggedName = 64

// client is the client's address for the log.
func (v *Verifier) client(q *Request) string {
	if addr := v.ClientIP(q); addr.IsValid() {
		return addr.String()
	}
	return "unknown"
}

// printable returns s, cut at limit bytes, with everything escaped that is no character to be seen.
func printable(s string, limit int) string {
	b := make([]byte, 0, min(len(s), limit)+len("…"))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if i+n > limit {
			return string(append(b, "…"...))
		}
		if unicode.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b = append(b, s[i:i+n]...)
		} else {
			quoted := strconv.Quote(s[i : i+n])
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		i += n
	}
	return string(b)
}

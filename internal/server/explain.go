package server

import (
	"net/http"

	"github.com/easgate/easgate/internal/pipeline"
)

// Explain decides r, a request to /verify, as the server would, and tells trace about every step on the way. It counts
// and logs nothing. status is what the proxy would get.
func (s *Server) Explain(r *http.Request, trace func(pipeline.Event)) (d pipeline.Decision, status int) {
	p := parseParams(r.URL.RawQuery, s.cfg.URLQueries)
	v := s.begin(p, "")
	d = s.judge(v, r, s.caller(r), p, "", trace)
	return d, dialect(v.profile, statusOf(&d.Result, p.redirect))
}

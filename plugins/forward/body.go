package forward

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

var errTooLong = errors.New("body: longer than max_body")

// decode undoes gzip and deflate, which the service may have chosen for us rather than for the client, and takes
// Content-Encoding out of h. Other encodings the client asked for himself; they stay. The result has limit bytes at
// most, whatever the compressed text promises.
func decode(h http.Header, body []byte, limit int64) ([]byte, error) {
	if int64(len(body)) > limit {
		return nil, errTooLong
	}
	if len(body) == 0 {
		h.Del("Content-Encoding")
		return nil, nil
	}
	var r io.Reader
	var err error
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		// RFC 9110 §8.4.1.2 means zlib; some servers send its inside alone.
		if r, err = zlib.NewReader(bytes.NewReader(body)); err != nil {
			r, err = flate.NewReader(bytes.NewReader(body)), nil
		}
	default:
		return body, nil
	}
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if int64(len(plain)) > limit {
		return nil, errTooLong
	}
	h.Del("Content-Encoding")
	return plain, nil
}

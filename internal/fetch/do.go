package fetch

import (
	"fmt"
	"mime"
	"net/http"
)

// A StatusError is an answer of a provider that is no success.
type StatusError struct {
	Status int
	// Body is what came with it, for whoever knows what it may say. It is not for the log.
	Body []byte
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d", e.Status) }

// Do sends req and reads the answer; mediaType says in lower case what it claims to be. client must not follow
// redirects to other hosts; see [SameOrigin]. A status other than 200 is a *[StatusError].
func Do(client *http.Client, req *http.Request) (body []byte, mediaType string, err error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, "", Unwrapped(err)
	}
	defer res.Body.Close()
	text, err := ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return nil, "", &StatusError{res.StatusCode, text}
	}
	mediaType, _, _ = mime.ParseMediaType(res.Header.Get("Content-Type"))
	return text, mediaType, err
}

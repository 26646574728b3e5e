package corpus

import (
	"encoding/json"
	"fmt"
	"os"
)

// A Corpus is a recording.
type Corpus struct {
	// Secrets are environment variables that every server needs to open the recorded tokens.
	Secrets map[string]string
	// Files are the fixtures that {{FIXTURES}} in an environment value stands for the folder of.
	Files    map[string]string
	Fixtures struct{ Spec map[string]Fixture }
	Cases    []Case
	// Hangs are requests that external-auth-server never answered.
	Hangs []Case `json:"eas_hangs"`
}

// A Case is one request and its answer.
type Case struct {
	ID, Group, Note string
	// Env is the environment that the server had, beyond the secrets.
	Env     map[string]string
	Request Request
	Expect  Answer
	// Hang marks a case of Corpus.Hangs, which has no answer.
	Hang bool `json:"-"`
}

// A Request is sent exactly as it stands, with "Connection: close". Its strings are Latin-1, its body UTF-8.
type Request struct {
	Method string
	Path   string `json:"path_and_query"`
	// Headers holds a text or an array of texts for each name.
	Headers map[string]Values
	Body    *string
}

// An Answer is a response without what every server decides for itself.
type Answer struct {
	Status    int
	Headers   map[string]Values
	SetCookie []string `json:"set_cookie"`
	Body      string
	// BodyBytes replaces Body where that is not text.
	BodyBytes []byte `json:"body_b64"`
}

// Values are the values of one header: in JSON a text, or an array of them.
type Values []string

// UnmarshalJSON reads both forms.
func (v *Values) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*v = Values{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(v))
}

// Load reads a recording.
func Load(path string) (*Corpus, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c Corpus
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range c.Hangs {
		c.Hangs[i].Hang = true
	}
	return &c, nil
}

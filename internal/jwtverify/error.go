package jwtverify

// An Error says why a token is refused. What is for the client holds nothing that the client did not send or the
// configuration does not say to everybody.
type Error struct {
	// Name is the challenge's error parameter: jsonwebtoken's class of error, or what RFC 6750 §3.1 calls it.
	Name string
	// Message is the challenge's error_description.
	Message string
	// Why is for the log alone: what the token has, and what was wanted.
	Why string
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

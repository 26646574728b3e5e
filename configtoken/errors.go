package configtoken

import "errors"

var (
	// ErrUnreadable says that sealed text could not be opened: damaged, sealed under another key, or not allowed here.
	// It is the same error whatever the reason, so that no answer tells a forger how far he came.
	ErrUnreadable = errors.New("config token: cannot be opened")
	// ErrExpired and ErrNotYetValid say that a token is not in force.
	ErrExpired     = errors.New("config token: expired")
	ErrNotYetValid = errors.New("config token: not valid yet")
)

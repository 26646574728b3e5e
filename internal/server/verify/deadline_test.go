package verify

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Whoever holds on to a verification's context is told that it has ended, and does not bring the process down.
func TestDeadlineAfterRelease(t *testing.T) {
	request, leave := context.WithCancel(t.Context())
	d := &deadline{Context: request, at: time.Now().Add(time.Hour)}
	d.release()
	late, cancel := context.WithTimeout(d, time.Minute)
	defer cancel()
	leave()
	<-late.Done()
	if err := d.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("Err = %v, want %v", err, context.Canceled)
	}
}

package httpfield

import (
	"fmt"
	"net/http"
	"testing"
)

func ExampleJoin() {
	fmt.Println(Join("X-Role", []string{"user", "admin"}))
	fmt.Println(Join("Authorization", []string{"Bearer a", "Bearer b"}))
	fmt.Println(Join("Cookie", []string{"a=1", "b=2"}))
	// Output:
	// user, admin
	// Bearer a
	// a=1; b=2
}

func TestHopByHop(t *testing.T) {
	tests := []struct {
		name                   string
		ofConnection, hopByHop bool
	}{
		{"connection", true, true},
		{"te", true, true},
		{"transfer-encoding", true, true},
		// A proxy's own login is not the connection's, but goes no further either.
		{"proxy-authorization", false, true},
		{"proxy-authenticate", false, true},
		{"authorization", false, false},
		{"content-length", false, false},
	}
	for _, tt := range tests {
		name := http.CanonicalHeaderKey(tt.name)
		if got := OfConnection(name); got != tt.ofConnection {
			t.Errorf("OfConnection(%s) = %v, want %v", name, got, tt.ofConnection)
		}
		if got := HopByHop(name); got != tt.hopByHop {
			t.Errorf("HopByHop(%s) = %v, want %v", name, got, tt.hopByHop)
		}
	}
}

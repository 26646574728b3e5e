//go:build integration

package forward_test

import (
	"bufio"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/forward"
	"github.com/easgate/easgate/plugins/plugintest"
)

// ATTACKS 63 with Node.js, which resets connections whose headers are over 16 KiB.
func TestHeadersTooLargeForNode(t *testing.T) {
	const script = `const s = require("http").createServer((q, r) => r.end());
s.listen(0, "127.0.0.1", () => console.log(s.address().port))`
	cmd := exec.Command("node", "-e", script)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("node: %v: Debian's package nodejs has it", err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p := build(t, forward.Config{URL: plugins.Secret("http://127.0.0.1:" + strings.TrimSpace(port))})
	for range 30 {
		h := http.Header{"X-Large": {strings.Repeat("x", 30_000)}}
		if res, _ := p.Verify(t.Context(), plugintest.Request{Header: h}.Build()); res.Verdict == plugins.Allow {
			t.Fatal("Verify(30 kB) = allow")
		}
	}
	allowed(t, p, nil)
}

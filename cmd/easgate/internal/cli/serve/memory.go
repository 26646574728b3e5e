package serve

import (
	"os"
	"runtime/debug"
)

const (
	// ballastSize is address space that is never written, so it takes no memory; but it counts as live, and moves the
	// garbage collector's first goal from 4 MB to twice as much. A service whose live heap is a few MB would otherwise
	// collect dozens of times a second under load.
	ballastSize = 18 << 20
	// softLimit is where the collector starts to work harder: what the caches hold when all are full at once, and the
	// ballast. Their bounds add up to more, but are estimates half again as large as what an entry takes.
	softLimit = 246 << 20
)

// tuneMemory sets up the garbage collector, unless the operator did (GOGC, GOMEMLIMIT). The caller keeps the result
// alive for as long as it serves.
func tuneMemory() (ballast []byte) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
	if os.Getenv("GOGC") != "" {
		return nil
	}
	return make([]byte, ballastSize)
}

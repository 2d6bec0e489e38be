package leakcheck

import (
	"runtime"
	"strings"
)

// A goroutine is one paragraph of a full stack dump.
type goroutine struct {
	id    string // "goroutine 18"
	stack string
}

func goroutines() []goroutine {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	var all []goroutine
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		id, _, _ := strings.Cut(stack, " [")
		all = append(all, goroutine{id: id, stack: strings.TrimSpace(stack)})
	}
	return all
}

// ours reports whether g belongs to the runtime or to package testing, which
// start goroutines that stay.
func (g goroutine) ours() bool {
	for _, frame := range []string{
		"internal/leakcheck.goroutines(", // the caller
		"testing.(*M).",                  // the one that runs the tests, its alarm
		"testing.tRunner.func",           // a test that waits for its subtests to end
		"os/signal.signal_recv(",         // started by the first signal.Notify
		"os/signal.loop(",
		"runtime.ensureSigM.",
		"runtime/trace.Start.",
		"runtime/pprof.profileWriter(",
		"testing.(*F).", "internal/fuzz.",
	} {
		if strings.Contains(g.stack, frame) {
			return true
		}
	}
	return false
}

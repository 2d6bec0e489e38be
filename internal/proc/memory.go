package proc

import (
	"strings"
	"time"
)

// MemoryPoll is how often a limit on resident memory is looked at.
const MemoryPoll = 50 * time.Millisecond

// WatchMemory calls over, once, when the child and the descendants that are linked
// to it use more than limit bytes of resident memory at a look every [MemoryPoll],
// with what they used. It returns at once; watching ends with the child.
func (c *Child) WatchMemory(limit int64, over func(used int64)) {
	go func() {
		tick := time.NewTicker(MemoryPoll)
		defer tick.Stop()
		for {
			select {
			case <-c.Done():
				return
			case <-tick.C:
			}
			if used := c.Memory(); used > limit {
				over(used)
				return
			}
		}
	}()
}

// RanOutOfMemory reports whether the end of a process's stderr says that the Go
// runtime could not get memory, as it does beyond the limit of [LimitMemory]. Not all
// of the runtime looks at what it gets, so that a fault in the runtime's own stack
// counts as well.
func RanOutOfMemory(stderr string) bool {
	fault := false
	for line := range strings.Lines(stderr) {
		text, fatal := strings.CutPrefix(line, "fatal error: ")
		switch {
		case fatal && (strings.Contains(text, "out of memory") || strings.Contains(text, "cannot allocate memory")):
			return true
		case strings.HasPrefix(line, "runtime/cgo: pthread_create failed: Resource temporarily unavailable"):
			return true // for a stack
		case strings.HasPrefix(line, "SIGSEGV: segmentation violation"):
			fault = true
		case fault && strings.HasPrefix(line, "goroutine "):
			fault = strings.HasPrefix(line, "goroutine 0 ")
		case fault && strings.Contains(line, "("): // the function that was running
			return strings.HasPrefix(line, "runtime.")
		}
	}
	return false
}

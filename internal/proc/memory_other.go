//go:build !linux

package proc

import "runtime/debug"

// Memory returns 0: the memory of another process cannot be read here.
func (c *Child) Memory() int64 { return 0 }

// LimitMemory lets the collector work harder as the heap nears limit bytes. A limit
// on what is allocated in all is not there: the error matches
// [errors.ErrUnsupported].
func LimitMemory(limit int64) error {
	debug.SetMemoryLimit(limit - limit/10)
	return unsupported("a limit on memory")
}

package asyncio

import (
	"sync"
	"sync/atomic"
	"time"
)

// A VirtualClock is time that does not pass by itself: when all tasks of its
// loop wait, it jumps to the next deadline. An hour of sleeps takes no time, and
// the order of events is that of the real clock. While a function of [ToThread]
// or another call outside of the loop is under way the clock stands still.
//
// It serves one loop, by [LoopOptions].
type VirtualClock struct {
	now    atomic.Int64
	manual bool

	mu   sync.Mutex // guards following
	loop *Loop
}

// NewVirtualClock returns a clock that jumps.
func NewVirtualClock() *VirtualClock { return new(VirtualClock) }

// NewManualClock returns a clock that only [VirtualClock.Advance] moves.
func NewManualClock() *VirtualClock { return &VirtualClock{manual: true} }

// Now returns the time since the clock was made.
func (c *VirtualClock) Now() time.Duration { return time.Duration(c.now.Load()) }

// Advance moves the clock on by d and wakes its loop. It may be called from any goroutine.
func (c *VirtualClock) Advance(d time.Duration) {
	c.now.Add(int64(d))
	c.mu.Lock()
	l := c.loop
	c.mu.Unlock()
	if l != nil {
		l.CallSoon(func() {})
	}
}

// serve makes c the clock of l.
func (c *VirtualClock) serve(l *Loop) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loop != nil {
		panic("asyncio: a virtual clock serves one loop")
	}
	c.loop = l
}

// jump moves c to when, if it may, and reports whether it did.
func (c *VirtualClock) jump(when time.Duration) bool {
	if c.manual {
		return false
	}
	if when > c.Now() {
		c.now.Store(int64(when))
	}
	return true
}

// Time returns how long the loop has existed, or what its virtual clock shows:
// the clock of [Loop.CallAt].
func (l *Loop) Time() time.Duration {
	if l.opts.Clock != nil {
		return l.opts.Clock.Now()
	}
	return time.Since(l.base)
}

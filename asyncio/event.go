package asyncio

import (
	"context"
	"sync"
)

// An Event is a flag to wait for. The zero value is not set.
//
// Python: asyncio.Event.
type Event struct {
	mu    sync.Mutex // guards following
	set   bool
	queue waitlist
}

// Set sets e and wakes all that wait, in the order they came.
func (e *Event) Set() {
	cur := current()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = true
	for e.queue.grant(cur) {
	}
}

// Clear unsets e. Those that were woken by Set before stay woken.
func (e *Event) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = false
}

// IsSet reports whether e is set.
func (e *Event) IsSet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}

// Wait waits until e is set, and returns at once if it is. The error is that of ctx.
func (e *Event) Wait(ctx context.Context) error { return e.wait(ctx, e) }

func (e *Event) wait(ctx context.Context, on blocker) error {
	f := currentOf(ctx)
	e.mu.Lock()
	if e.set {
		e.mu.Unlock()
		return nil
	}
	if !canWait(ctx, f) {
		e.mu.Unlock()
		return mayWait(ctx, f)
	}
	n := e.queue.join(f)
	e.mu.Unlock()
	n.wait(ctx, f, on)
	e.mu.Lock()
	if n.granted {
		e.mu.Unlock()
		return nil
	}
	e.queue.remove(n)
	e.mu.Unlock()
	return gaveUp(ctx, f)
}

// String returns <Event [unset, waiters:1]>.
func (e *Event) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	state := "unset"
	if e.set {
		state = "set"
	}
	return describe("Event", state, e.queue.n)
}

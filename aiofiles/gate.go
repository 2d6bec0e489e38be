package aiofiles

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

// crowded is added to the state of a gate that has a queue: nobody passes it then
// but who is let through.
const crowded = -1 << 62

// A gate lets a fixed number of callers through at a time, the others in the
// order they came. Passing and leaving it without a queue is one atomic step each.
type gate struct {
	state atomic.Int64 // how many may pass, plus crowded

	mu      sync.Mutex // guards following, and state while it is crowded but for releases
	queue   []*waiter  // those that left included
	waiting int        // those that did not
}

type waiter struct {
	granted, left bool
	wake          func()
}

func newGate(n int) *gate {
	g := &gate{}
	g.state.Store(int64(n))
	return g
}

// try passes if nobody waits and there is room.
func (g *gate) try() bool {
	for {
		n := g.state.Load()
		if n <= 0 {
			return false
		}
		if g.state.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// acquire passes, or waits until it can, or until ctx ends.
func (g *gate) acquire(ctx context.Context) error {
	if g.try() {
		return nil
	}
	w := g.enqueue()
	err := park.Wait(ctx, func(wake func()) {
		g.mu.Lock()
		granted := w.granted
		w.wake = wake
		g.mu.Unlock()
		if granted {
			wake()
		}
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.granted {
		return nil // what was granted beats the end of ctx
	}
	w.left = true
	g.waiting--
	g.trim()
	return err
}

func (g *gate) enqueue() *waiter {
	w := &waiter{}
	g.mu.Lock()
	if g.waiting == 0 {
		g.state.Add(crowded)
	}
	g.queue = append(g.queue, w)
	g.waiting++
	wake := g.serve() // what was released before the gate was crowded
	g.mu.Unlock()
	for _, f := range wake {
		f()
	}
	return w
}

// release leaves the gate: to the first who waits, if anybody does.
func (g *gate) release() {
	if g.state.Add(1) > 0 {
		return
	}
	g.mu.Lock()
	wake := g.serve()
	g.mu.Unlock()
	for _, f := range wake {
		f()
	}
}

// serve lets through as many as there is room for. g.mu is held.
func (g *gate) serve() (wake []func()) {
	for g.waiting > 0 && g.state.Load()-crowded > 0 {
		w := g.queue[0]
		g.queue[0] = nil
		g.queue = g.queue[1:]
		if w.left {
			continue
		}
		g.state.Add(-1)
		g.waiting--
		w.granted = true
		if w.wake != nil {
			wake = append(wake, w.wake)
		}
		if g.waiting == 0 {
			g.state.Add(-crowded)
		}
	}
	return wake
}

// trim takes those that left out of the queue when they are most of it. g.mu is held.
func (g *gate) trim() {
	if g.waiting == 0 {
		g.queue = nil
		g.state.Add(-crowded)
		return
	}
	if len(g.queue) < 64 || len(g.queue) < 2*g.waiting {
		return
	}
	kept := make([]*waiter, 0, g.waiting)
	for _, w := range g.queue {
		if !w.left {
			kept = append(kept, w)
		}
	}
	g.queue = kept
}

// free is how many may pass now.
func (g *gate) free() int {
	n := g.state.Load()
	if n <= crowded/2 {
		n -= crowded
	}
	return int(n)
}

// queued is how many wait.
func (g *gate) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

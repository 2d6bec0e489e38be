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

// A waiter is a caller who wants to be woken, or a job that wants to be run.
type waiter struct {
	granted, left bool
	wake          func()
	job           *job // nil for a caller
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
	w := &waiter{}
	g.enqueue(w)
	err := park.Wait(ctx, func(wake func()) {
		g.mu.Lock()
		granted := w.granted
		w.wake = wake
		g.mu.Unlock()
		if granted {
			wake()
		}
	})
	if err == nil || !g.forget(w) {
		return nil // what was granted beats the end of ctx
	}
	return err
}

// enqueue puts w behind all that wait.
func (g *gate) enqueue(w *waiter) {
	g.mu.Lock()
	if g.waiting == 0 {
		g.state.Add(crowded)
	}
	g.queue = append(g.queue, w)
	g.waiting++
	var some [4]*waiter
	through := g.serve(some[:0]) // what was released before the gate was crowded
	g.mu.Unlock()
	admit(through)
}

// forget takes w out of the queue. It reports false if w is not there any more.
func (g *gate) forget(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.granted || w.left {
		return false
	}
	w.left = true
	g.waiting--
	g.trim()
	return true
}

// release leaves the gate: to the first who waits, if anybody does.
func (g *gate) release() {
	if g.state.Add(1) > 0 {
		return
	}
	g.mu.Lock()
	var some [4]*waiter
	through := g.serve(some[:0])
	g.mu.Unlock()
	admit(through)
}

// releaseTo is release for a helper: it returns a job that was let through, for
// the helper to run, or nil.
func (g *gate) releaseTo() *job {
	if g.state.Add(1) > 0 {
		return nil
	}
	g.mu.Lock()
	var some [4]*waiter
	through := g.serve(some[:0])
	g.mu.Unlock()
	if len(through) > 0 && through[0].job != nil {
		admit(through[1:])
		return through[0].job
	}
	admit(through)
	return nil
}

// serve appends to through those that there is room for, and lets them pass. g.mu
// is held; the caller is to admit them without it.
func (g *gate) serve(through []*waiter) []*waiter {
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
		if w.wake != nil || w.job != nil {
			through = append(through, w)
		}
		if g.waiting == 0 {
			g.state.Add(-crowded)
		}
	}
	return through
}

// admit sees to those that were let through.
func admit(through []*waiter) {
	for _, w := range through {
		if w.job != nil {
			go w.job.help()
		} else {
			w.wake()
		}
	}
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

package aiofiles

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

// A gate lets a fixed number of callers through at a time, the others in the
// order they came. Passing and leaving it without a queue is one atomic step.
type gate struct {
	free   atomic.Int64
	queued atomic.Int64 // how many are in queue or about to be

	mu    sync.Mutex // guards queue and its waiters
	queue []*waiter
}

type waiter struct {
	granted, left bool
	wake          func()
}

func newGate(n int) *gate {
	g := &gate{}
	g.free.Store(int64(n))
	return g
}

// try passes if nobody waits and there is room.
func (g *gate) try() bool {
	if g.queued.Load() != 0 {
		return false
	}
	return g.take()
}

func (g *gate) take() bool {
	for {
		n := g.free.Load()
		if n <= 0 {
			return false
		}
		if g.free.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// acquire passes, or waits until it can, or until ctx ends.
func (g *gate) acquire(ctx context.Context) error {
	if g.try() {
		return nil
	}
	g.mu.Lock()
	g.queued.Add(1)
	g.trim()
	if len(g.queue) == 0 && g.take() {
		g.queued.Add(-1)
		g.mu.Unlock()
		return nil
	}
	w := &waiter{}
	g.queue = append(g.queue, w)
	g.mu.Unlock()

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
	g.queued.Add(-1)
	g.trim()
	return err
}

// release leaves the gate: to the first who waits, if anybody does.
func (g *gate) release() {
	if g.queued.Load() == 0 {
		g.free.Add(1)
		if g.queued.Load() == 0 || !g.take() {
			return
		}
	}
	g.mu.Lock()
	g.trim()
	if len(g.queue) == 0 {
		g.mu.Unlock()
		g.free.Add(1)
		g.serve()
		return
	}
	wake := g.grant()
	g.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// serve grants what became free to callers that queued in the meantime.
func (g *gate) serve() {
	for g.queued.Load() != 0 {
		g.mu.Lock()
		g.trim()
		if len(g.queue) == 0 || !g.take() {
			g.mu.Unlock()
			return
		}
		wake := g.grant()
		g.mu.Unlock()
		if wake != nil {
			wake()
		}
	}
}

// grant lets the first of the queue pass. g.mu is held.
func (g *gate) grant() (wake func()) {
	w := g.queue[0]
	g.queue[0] = nil
	g.queue = g.queue[1:]
	g.queued.Add(-1)
	w.granted = true
	return w.wake
}

// trim drops those at the head of the queue who no longer wait, and all of them
// when they are most of it. g.mu is held.
func (g *gate) trim() {
	for len(g.queue) > 0 && g.queue[0].left {
		g.queue[0] = nil
		g.queue = g.queue[1:]
	}
	if len(g.queue) < 64 || int64(len(g.queue)) < 2*g.queued.Load() {
		return
	}
	kept := make([]*waiter, 0, g.queued.Load())
	for _, w := range g.queue {
		if !w.left {
			kept = append(kept, w)
		}
	}
	g.queue = kept
}

package asyncio

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrBrokenBarrier is the error of waiting at a barrier that is aborted, or reset
// while one waited.
var ErrBrokenBarrier = errors.New("asyncio: barrier is broken")

// A Barrier holds back those that come until there are enough of them, and lets
// them go together. Then it starts anew.
//
// Python: asyncio.Barrier.
type Barrier struct {
	parties int

	mu     sync.Mutex // guards following
	broken bool
	queue  waitlist
	group  *barrierGroup // those that wait now
}

// A barrierGroup goes on together.
type barrierGroup struct{ err error }

// NewBarrier returns a barrier for n.
func NewBarrier(n int) *Barrier {
	if n < 1 {
		panic(fmt.Sprintf("asyncio: barrier for %d parties", n))
	}
	return &Barrier{parties: n, group: new(barrierGroup)}
}

// Wait waits until enough have come. Each of them gets another index, from 0 up.
// One whose ctx ends leaves the others waiting. The error is that of ctx, or
// [ErrBrokenBarrier].
func (b *Barrier) Wait(ctx context.Context) (index int, err error) {
	f := currentOf(ctx)
	b.mu.Lock()
	g := b.group
	if b.broken {
		b.mu.Unlock()
		return 0, ErrBrokenBarrier
	}
	if b.queue.n+1 == b.parties {
		b.open(nil, f)
		b.mu.Unlock()
		return b.parties - 1, nil
	}
	if !canWait(ctx, f) {
		b.mu.Unlock()
		return 0, mayWait(ctx, f)
	}
	n := b.queue.join(f)
	b.mu.Unlock()
	n.wait(ctx, f, b)
	b.mu.Lock()
	if n.granted {
		err := g.err
		b.mu.Unlock()
		return int(n.index), err
	}
	b.queue.remove(n)
	b.mu.Unlock()
	return 0, gaveUp(ctx, f)
}

// open lets those go that wait. b.mu is held.
func (b *Barrier) open(err error, cur *fiber) {
	b.group.err = err
	b.group = new(barrierGroup)
	for i := int32(0); b.queue.first != nil; i++ {
		b.queue.first.index = i
		b.queue.grant(cur)
	}
}

// Reset makes b as new. Those that wait get [ErrBrokenBarrier].
func (b *Barrier) Reset() {
	cur := current()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = false
	b.open(ErrBrokenBarrier, cur)
}

// Abort breaks b: those that wait, and all that come until a Reset, get [ErrBrokenBarrier].
func (b *Barrier) Abort() {
	cur := current()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = true
	b.open(ErrBrokenBarrier, cur)
}

// Parties returns how many b is for.
func (b *Barrier) Parties() int { return b.parties }

// Waiting returns how many wait.
func (b *Barrier) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.n
}

// Broken reports whether b is aborted.
func (b *Barrier) Broken() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

// String returns <Barrier [filling, waiters:1/3]>.
func (b *Barrier) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	state := "filling"
	if b.broken {
		state = "broken"
	}
	return fmt.Sprintf("<Barrier [%s, waiters:%d/%d]>", state, b.queue.n, b.parties)
}

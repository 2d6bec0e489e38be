package asyncio

import (
	"context"
	"fmt"
	"sync"
)

// A Semaphore holds permits; those that wait for one get it in the order they
// came, and nobody overtakes them.
//
// Python: asyncio.Semaphore and BoundedSemaphore.
type Semaphore struct {
	kind  string
	limit int // at most so many permits; negative: no limit

	mu    sync.Mutex // guards following
	value int
	queue waitlist
}

// NewSemaphore returns a semaphore of n permits. Release may add to them.
func NewSemaphore(n int) *Semaphore {
	return newSemaphore("Semaphore", n, -1)
}

// NewBoundedSemaphore returns a semaphore that never has more than n permits.
func NewBoundedSemaphore(n int) *Semaphore {
	return newSemaphore("BoundedSemaphore", n, n)
}

func newSemaphore(kind string, n, limit int) *Semaphore {
	if n < 0 {
		panic(fmt.Sprintf("asyncio: %s of %d permits", kind, n))
	}
	return &Semaphore{kind: kind, limit: limit, value: n}
}

// Acquire takes a permit. If there is one that succeeds at once, even if ctx has
// ended; else Acquire waits. The error is that of ctx.
func (s *Semaphore) Acquire(ctx context.Context) error {
	f := currentOf(ctx)
	s.mu.Lock()
	if s.value > 0 {
		s.value--
		s.mu.Unlock()
		return nil
	}
	if !canWait(ctx, f) {
		s.mu.Unlock()
		return mayWait(ctx, f)
	}
	n := s.queue.join(f)
	s.mu.Unlock()
	n.wait(ctx, f, s)
	s.mu.Lock()
	if n.granted {
		s.mu.Unlock()
		return nil
	}
	s.queue.remove(n)
	s.mu.Unlock()
	return gaveUp(ctx, f)
}

// TryAcquire takes a permit if there is one.
func (s *Semaphore) TryAcquire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value == 0 {
		return false
	}
	s.value--
	return true
}

// Release gives a permit back: to the first that waits, if any. It panics if
// that is one too many for a bounded semaphore.
func (s *Semaphore) Release() {
	cur := current()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limit >= 0 && s.value >= s.limit {
		panic("asyncio: " + s.kind + " released too many times")
	}
	if !s.queue.grant(cur) {
		s.value++
	}
}

// Locked reports whether Acquire would wait.
func (s *Semaphore) Locked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value == 0
}

// String returns <Semaphore [unlocked, value:2]> or <Semaphore [locked, waiters:1]>.
func (s *Semaphore) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := "locked"
	if s.value > 0 {
		state = fmt.Sprintf("unlocked, value:%d", s.value)
	}
	return describe(s.kind, state, s.queue.n)
}

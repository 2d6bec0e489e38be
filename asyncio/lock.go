package asyncio

import (
	"context"
	"fmt"
	"sync"
)

// A Lock is held by one at a time; those that wait get it in the order they
// came. Tasks of all loops and other goroutines may use it together. The zero
// value is unlocked.
//
// A task may hold it over an await; what is done between two awaits of tasks of
// one loop needs no lock.
//
// Python: asyncio.Lock.
type Lock struct {
	mu     sync.Mutex // guards following
	locked bool
	owner  *taskCore // who has it, if a task
	queue  waitlist
}

// Acquire takes l. If it is free that succeeds at once, even if ctx has ended;
// else Acquire waits. The error is that of ctx.
func (l *Lock) Acquire(ctx context.Context) error {
	return l.acquire(ctx, currentOf(ctx), l)
}

func (l *Lock) acquire(ctx context.Context, f *fiber, on blocker) error {
	l.mu.Lock()
	if !l.locked {
		l.locked, l.owner = true, f.task()
		l.mu.Unlock()
		return nil
	}
	if !canWait(ctx, f) {
		l.mu.Unlock()
		return mayWait(ctx, f)
	}
	n := l.queue.join(f)
	l.mu.Unlock()
	n.wait(ctx, f, on)
	l.mu.Lock()
	if n.granted {
		l.owner = f.task()
		l.mu.Unlock()
		return nil
	}
	l.queue.remove(n)
	l.mu.Unlock()
	return gaveUp(ctx, f)
}

// TryAcquire takes l if it is free.
func (l *Lock) TryAcquire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locked {
		return false
	}
	l.locked, l.owner = true, current().task()
	return true
}

// Release gives l to the first that waits, or frees it. Anybody may release; it
// panics if l is not held.
func (l *Lock) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := current()
	if !l.locked {
		if t := f.task(); t != nil && t.doom() != nil {
			return // its wait failed, and it cleans up all the same
		}
		panic("asyncio: Lock is not acquired")
	}
	l.owner = nil
	if l.queue.first != nil {
		l.owner = l.queue.first.t
	}
	l.locked = l.queue.grant(f)
}

// Locked reports whether l is held.
func (l *Lock) Locked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked
}

// String returns <Lock [locked, waiters:1]>.
func (l *Lock) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return describe("Lock", lockWord(l.locked), l.queue.n)
}

func lockWord(locked bool) string {
	if locked {
		return "locked"
	}
	return "unlocked"
}

func describe(kind, state string, waiters int) string {
	if waiters > 0 {
		return fmt.Sprintf("<%s [%s, waiters:%d]>", kind, state, waiters)
	}
	return fmt.Sprintf("<%s [%s]>", kind, state)
}

package aiofiles

import "context"

// DefaultThreads is how many calls of this package may be in the kernel at a
// time when no [Limiter] is given.
const DefaultThreads = 64

// A Limiter bounds how many calls are in the kernel at the same time, and with
// them the threads that hang in calls to a device that does not answer. Callers
// above the limit wait in the order they came, and stop waiting when their
// context ends. It is safe for concurrent use.
//
// Calls on files that were opened with one limiter never wait for those of
// another: give a slow mount its own. A call that is served from memory, and one
// that waits for a pipe or a terminal, holds no thread and does not count.
//
// Python: the executor argument of aiofiles.open; anyio.CapacityLimiter.
type Limiter struct {
	gate  *gate
	limit int
	fifos fifos
}

// NewLimiter returns a limiter for n calls at a time. It panics if n < 1.
func NewLimiter(n int) *Limiter {
	if n < 1 {
		panic("aiofiles: NewLimiter needs room for at least one call")
	}
	return &Limiter{gate: newGate(n), limit: n}
}

// Limit is how many calls may be in the kernel at a time.
func (l *Limiter) Limit() int { return l.limit }

// InUse is how many calls are in the kernel now, those that were given up included.
func (l *Limiter) InUse() int { return l.limit - l.gate.free() }

// Waiting is how many callers wait for their turn.
func (l *Limiter) Waiting() int { return l.gate.queued() }

// processLimiter bounds the calls that name no limiter. A bound on the threads
// of a process cannot belong to anything smaller than the process.
var processLimiter = NewLimiter(DefaultThreads)

type limiterKey struct{}

// WithLimiter returns a context whose calls of this package count against l.
func WithLimiter(ctx context.Context, l *Limiter) context.Context {
	return context.WithValue(ctx, limiterKey{}, l)
}

func limiterOf(ctx context.Context) *Limiter {
	if l, ok := ctx.Value(limiterKey{}).(*Limiter); ok && l != nil {
		return l
	}
	return processLimiter
}

package asyncio

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// An Executor runs functions on goroutines, at most so many at a time. It holds
// no goroutine while it has nothing to do.
//
// Python: concurrent.futures.ThreadPoolExecutor.
type Executor struct {
	max int

	mu      sync.Mutex // guards following
	closed  bool
	running int
	waiting []work
	idle    chan struct{} // closed when running is 0; nil: nobody waits
}

// NewExecutor returns an executor of at most limit goroutines.
func NewExecutor(limit int) *Executor {
	if limit <= 0 {
		panic(fmt.Sprintf("asyncio: executor of %d goroutines", limit))
	}
	return &Executor{max: limit}
}

// work is what an executor does.
type work interface{ do() }

// submit does w soon, and reports false if e is closed.
func (e *Executor) submit(w work) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	if e.running == e.max {
		e.waiting = append(e.waiting, w)
		return true
	}
	e.running++
	go e.work(w)
	return true
}

// work does w and what waits.
func (e *Executor) work(w work) {
	returned := false
	defer func() {
		if !returned { // Goexit: another goroutine goes on
			go e.next()
		}
	}()
	for w != nil {
		w.do()
		w = e.take()
	}
	returned = true
}

func (e *Executor) next() {
	if w := e.take(); w != nil {
		e.work(w)
	}
}

// take returns what waits longest, or nil, and then the goroutine is to end.
func (e *Executor) take() work {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) > 0 {
		w := e.waiting[0]
		e.waiting[0] = nil
		e.waiting = e.waiting[1:]
		return w
	}
	if e.running--; e.running == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
	return nil
}

// shutdown takes no more functions and waits for those it has, at most for d.
func (e *Executor) shutdown(d time.Duration) error {
	e.mu.Lock()
	e.closed = true
	if e.running == 0 {
		e.mu.Unlock()
		return nil
	}
	if e.idle == nil {
		e.idle = make(chan struct{})
	}
	idle := e.idle
	e.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-idle:
		return nil
	case <-t.C:
		e.mu.Lock()
		defer e.mu.Unlock()
		return fmt.Errorf("asyncio: %d functions did not return within %v", e.running, d)
	}
}

// ToThread calls f on another goroutine and suspends the task until it has
// returned: f may block. A goroutine that is no loop's calls f itself.
//
// If ctx ends, ToThread returns at once, while f, whose ctx has ended, goes on;
// the loop waits for it when it closes. What f then returns is dropped. A panic
// in f is a panic in the task.
//
// Python: asyncio.to_thread.
func ToThread[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	cur := currentOf(ctx)
	if cur == nil {
		return f(ctx)
	}
	return RunIn(ctx, cur.loop.threads, f)
}

// RunIn is [ToThread] with an executor other than the loop's.
//
// Python: loop.run_in_executor.
func RunIn[T any](ctx context.Context, e *Executor, f func(context.Context) (T, error)) (T, error) {
	var zero T
	cur := currentOf(ctx)
	if err := mayWait(ctx, cur); err != nil {
		return zero, err
	}
	j := &job[T]{ctx: ctx, f: f}
	if cur == nil {
		j.ch = make(chan struct{})
	} else {
		j.waiter = cur.co.task.wait()
		j.done.fn, j.done.atOnce = j.arrive, true
	}
	if !e.submit(j) {
		return zero, ErrExecutorClosed
	}
	if err := j.wait(cur); err != nil {
		return zero, err
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.v, j.err
}

// ErrExecutorClosed is the error of a call to an executor that is closed: that
// of a loop that is closing.
var ErrExecutorClosed = errors.New("asyncio: executor is closed")

// A job is one call of [RunIn].
type job[T any] struct {
	ctx    context.Context
	f      func(context.Context) (T, error)
	waiter waiter        // the task that waits
	done   Handle        // what is posted to its loop
	ch     chan struct{} // or another goroutine waits
	ended  atomic.Bool

	v     T
	err   error
	panic *PanicError
}

func (j *job[T]) do() {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				j.panic = newPanic("ToThread", v, debug.Stack())
			} else {
				j.err = ErrGoexit
			}
		}
		j.ended.Store(true)
		if j.ch != nil {
			close(j.ch)
		} else {
			j.waiter.t.ctx.loop.post(&j.done)
		}
	}()
	j.v, j.err = j.f(j.ctx)
	returned = true
}

func (j *job[T]) arrive() { j.waiter.t.wakeNow(j.waiter.gen) }

// wait waits until j is done or its ctx has ended.
func (j *job[T]) wait(cur *fiber) error {
	if cur != nil {
		return cur.parkOutside(j.ctx, &j.ended)
	}
	select {
	case <-j.ch:
		return nil
	case <-j.ctx.Done():
	}
	if j.ended.Load() {
		return nil
	}
	return park.Cause(j.ctx)
}

package asyncio

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
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
	waiting []func()
	idle    chan struct{} // closed when running is 0; nil: nobody waits
}

// NewExecutor returns an executor of at most limit goroutines.
func NewExecutor(limit int) *Executor {
	if limit <= 0 {
		panic(fmt.Sprintf("asyncio: executor of %d goroutines", limit))
	}
	return &Executor{max: limit}
}

// submit runs f soon, and reports false if e is closed.
func (e *Executor) submit(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	if e.running == e.max {
		e.waiting = append(e.waiting, f)
		return true
	}
	e.running++
	go e.work(f)
	return true
}

// work runs f and what waits.
func (e *Executor) work(f func()) {
	returned := false
	defer func() {
		if !returned { // Goexit: another goroutine goes on
			go e.next()
		}
	}()
	for f != nil {
		f()
		f = e.take()
	}
	returned = true
}

func (e *Executor) next() {
	if f := e.take(); f != nil {
		e.work(f)
	}
}

// take returns what waits longest, or nil, and then the goroutine is to end.
func (e *Executor) take() func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) > 0 {
		f := e.waiting[0]
		e.waiting[0] = nil
		e.waiting = e.waiting[1:]
		return f
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
	if err := park.Cause(ctx); err != nil {
		return zero, err
	}
	t := cur.task()
	if cur != nil && t == nil {
		return zero, ErrWouldBlock
	}
	j := &job[T]{ctx: ctx, f: f}
	if err := park.Wait(ctx, func(wake func()) {
		j.wake = wake
		if !e.submit(j.run) {
			j.err = errExecutorClosed
			wake()
		}
	}); err != nil {
		return zero, err
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.v, j.err
}

var errExecutorClosed = errors.New("asyncio: executor is closed")

type job[T any] struct {
	ctx  context.Context
	f    func(context.Context) (T, error)
	wake func()

	v     T
	err   error
	panic *PanicError
}

func (j *job[T]) run() {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				j.panic = newPanic("ToThread", v, debug.Stack())
			} else {
				j.err = ErrGoexit
			}
		}
		j.wake()
	}()
	j.v, j.err = j.f(j.ctx)
	returned = true
}

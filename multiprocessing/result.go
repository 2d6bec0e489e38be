package multiprocessing

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// AsyncResult is a result that may not be there yet, of [ApplyAsync], [MapAsync]
// or [StarmapAsync]. Its methods may be called from many goroutines.
//
// Python: multiprocessing.pool.AsyncResult.
type AsyncResult[T any] struct {
	value T
	err   error
	ready atomic.Bool
	cb    *Callbacks
	home  poster // the loop whose task asked, or nil

	callback      func(T) error
	errorCallback func(error) error

	mu      sync.Mutex // guards following
	tasks   []*Task    // nil when the result is there
	waiters []func()
}

// AsyncOptions configures [ApplyAsync], [MapAsync] and [StarmapAsync], whose
// result is a T. A nil pointer or a zero field means the default.
type AsyncOptions[T any] struct {
	// Callback is called with the result, if there is one: once, before Wait and
	// Get of this result return, and while no other callback of the executor
	// runs. If it returns an error or panics, that is the error of the result.
	// It must be quick, for it holds up the others.
	Callback func(T) error
	// ErrorCallback is called with the error, if there is one, as Callback is. If
	// it returns an error, the result's error matches both.
	ErrorCallback func(error) error

	// ChunkSize, Timeout, Memory, Retries, RetryIf and Progress are as in
	// [MapOptions].
	ChunkSize int
	Timeout   time.Duration
	Memory    int64
	Retries   int
	RetryIf   func(error) bool
	Progress  func(done, total int)
}

// Get waits for the result and returns it.
//
// ctx ends the wait, not the work. If its deadline passes first, the error
// matches [ErrTimeout] and [context.DeadlineExceeded], and Get may be called
// again. Otherwise the error is a [*RemoteError], a [*WorkerError], one that
// matches [ErrTimeout] (the task's own limit), [context.Canceled],
// [ErrEncoding], [ErrNotRegistered], [ErrSignature], [ErrPoolClosed],
// [ErrPoolTerminated] or [ErrPoolBroken], or what a callback returned. In a callback of the same executor, Get of a result that
// waits for its callback returns [ErrInCallback].
//
// Python: AsyncResult.get(timeout).
func (r *AsyncResult[T]) Get(ctx context.Context) (T, error) {
	if err := r.wait(ctx); err != nil {
		return *new(T), err
	}
	return r.value, r.err
}

// Wait waits until the result is there or ctx ends, and reports whether it is.
//
// Python: AsyncResult.wait(timeout), which returns None.
func (r *AsyncResult[T]) Wait(ctx context.Context) bool { return r.wait(ctx) == nil }

// Ready reports whether the result is there.
//
// Python: AsyncResult.ready().
func (r *AsyncResult[T]) Ready() bool { return r.ready.Load() }

// Successful reports whether the result is there without an error. While it is
// not there, the error is [ErrNotReady].
//
// Python: AsyncResult.successful(), which raises ValueError then.
func (r *AsyncResult[T]) Successful() (bool, error) {
	if !r.Ready() {
		return false, ErrNotReady
	}
	return r.err == nil, nil
}

// Cancel ends the work, also while it runs. The result's error matches
// [context.Canceled], and cause if it is not nil. It does nothing once the
// function has returned.
//
// Python: none.
func (r *AsyncResult[T]) Cancel(cause error) {
	err := context.Canceled
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	r.mu.Lock()
	tasks := r.tasks
	r.mu.Unlock()
	for _, t := range tasks {
		t.abort(err)
	}
}

func (r *AsyncResult[T]) wait(ctx context.Context) error {
	if r.Ready() {
		return nil
	}
	if r.cb != nil && r.cb.onIt() {
		return ErrInCallback
	}
	defer lend(ctx)()
	err := park.Wait(ctx, r.whenReady)
	if err != nil && !r.Ready() {
		return fmt.Errorf("multiprocessing: waiting for a result: %w", ended(ctx))
	}
	return nil
}

// whenReady has f called when the result is there.
func (r *AsyncResult[T]) whenReady(f func()) {
	r.mu.Lock()
	if !r.ready.Load() {
		r.waiters = append(r.waiters, f)
		f = nil
	}
	r.mu.Unlock()
	if f != nil {
		f()
	}
}

// complete makes the result known, after its callback if it has one.
func (r *AsyncResult[T]) complete(err error) {
	if r.cb == nil {
		if err != nil {
			r.value, r.err = *new(T), err
		}
		r.open()
		return
	}
	r.cb.run(r.home, func() {
		defer r.open()
		if err != nil {
			if r.err != nil { // of Progress
				err = fmt.Errorf("%w; %w", err, r.err)
			}
			r.value, r.err = *new(T), err
		}
		switch {
		case r.err == nil && r.callback != nil:
			protect(func() error { return r.callback(r.value) }, func(err error) { r.spoil("callback", err) })
		case r.err != nil && r.errorCallback != nil:
			protect(func() error { return r.errorCallback(r.err) }, func(err error) { r.spoil("error callback", err) })
		}
	})
}

// spoil makes an error of user's code that was called on the way that of the result.
func (r *AsyncResult[T]) spoil(name string, err error) {
	if err == nil {
		return
	}
	if p, ok := err.(*panicError); ok {
		err = failureOf(p).remote(name, os.Getpid(), -1)
	} else {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if r.err != nil {
		err = fmt.Errorf("%w; %w", r.err, err)
	}
	r.value, r.err = *new(T), err
}

// open lets the waiters go.
func (r *AsyncResult[T]) open() {
	r.mu.Lock()
	r.ready.Store(true)
	waiters := r.waiters
	r.waiters, r.tasks = nil, nil
	r.mu.Unlock()
	for _, wake := range waiters {
		wake()
	}
}

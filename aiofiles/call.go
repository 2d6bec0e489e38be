package aiofiles

import (
	"context"
	"sync"

	"github.com/quartet-go/quartet/internal/park"
)

// inPlace reports whether a blocking call may run on the calling goroutine: it is
// no task's, and nothing can ask for the call to be given up.
func inPlace(ctx context.Context) bool {
	return ctx.Done() == nil && park.Current() == nil
}

// A job is a call that runs on a helper and can be given up.
type job struct {
	mu         sync.Mutex // guards following
	done, left bool
	wake       func()
}

// start runs f on a helper that holds one place of lim, which the caller has
// acquired. After f, if the job was left, late runs.
func start(lim *Limiter, f, late func()) *job {
	j := &job{}
	go func() {
		f()
		lim.gate.release()
		j.mu.Lock()
		j.done = true
		wake, left := j.wake, j.left
		j.mu.Unlock()
		if left {
			late()
		} else if wake != nil {
			wake()
		}
	}()
	return j
}

// wait waits until the job is done, or until ctx ends.
func (j *job) wait(ctx context.Context) error {
	return park.Wait(ctx, func(wake func()) {
		j.mu.Lock()
		done := j.done
		j.wake = wake
		j.mu.Unlock()
		if done {
			wake()
		}
	})
}

// leave gives the job up. It reports false if the job is done all the same.
func (j *job) leave() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.left = !j.done
	return j.left
}

// run makes one blocking call within lim: in place where that is allowed, else on
// a helper, so that ctx can end it. What f returns must be its own: when ctx ends
// first, run returns the cause at once and late gets the result when there is one.
func run[T any](ctx context.Context, lim *Limiter, f func() (T, error), late func(T)) (T, error) {
	v, _, err := runLeft(ctx, lim, f, late)
	return v, err
}

// runLeft is run that tells whether f was left to itself.
func runLeft[T any](ctx context.Context, lim *Limiter, f func() (T, error), late func(T)) (v T, left bool, err error) {
	if err := park.Cause(ctx); err != nil {
		return v, false, err
	}
	if err := lim.gate.acquire(ctx); err != nil {
		return v, false, err
	}
	if inPlace(ctx) {
		defer lim.gate.release()
		v, err = f()
		return v, false, err
	}
	out := &struct {
		v   T
		err error
	}{}
	j := start(lim, func() { out.v, out.err = f() }, func() {
		if out.err == nil && late != nil {
			late(out.v)
		}
	})
	if err := j.wait(ctx); err != nil && j.leave() {
		return v, true, err
	}
	return out.v, false, out.err
}

// runSurely is run for what has to be done in any case, as closing. When ctx ends
// before its turn in lim has come, f runs as soon as that comes.
func runSurely(ctx context.Context, lim *Limiter, f func() error) error {
	ran := false
	_, left, err := runLeft(ctx, lim, func() (struct{}, error) {
		ran = true
		return struct{}{}, f()
	}, nil)
	if left || ran {
		return err
	}
	go func() {
		if lim.gate.acquire(context.Background()) == nil {
			defer lim.gate.release()
		}
		f()
	}()
	return err
}

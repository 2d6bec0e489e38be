package aiofiles

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// how tells the body of a call where it runs.
type how int

const (
	trying how = iota // on the calling goroutine, which must not wait: errWouldBlock instead
	here              // on the calling goroutine
	away              // on a helper, which must not touch the caller's memory
)

// call runs body as the only call on f, then done. body runs again as away after it
// returned errWouldBlock as trying, so it keeps what it got in f. done runs on the
// calling goroutine, after a body that returned nil; a call that was given up never
// gets there, and may not look at what body left in variables of the caller.
//
// grace is how long a call that was given up may take to tell its outcome after
// all; the file is poisoned if it does not. 0 is for an outcome that nobody needs.
func (f *File) call(ctx context.Context, op string, grace time.Duration, body func(how) error, done func()) error {
	if err := park.Cause(ctx); err != nil {
		return f.fail(op, err)
	}
	if f.ending.Load() {
		return f.fail(op, fs.ErrClosed)
	}
	if err := f.turn.acquire(ctx); err != nil {
		return f.fail(op, err)
	}
	mine := true
	defer func() {
		if mine {
			f.turn.release()
		}
	}()
	err := f.usable()
	if err == nil {
		mine, err = f.dispatch(ctx, op, grace, body)
	}
	if err == nil && done != nil {
		done()
	}
	if mine && !f.readAhead && !f.stream {
		f.r, f.w = 0, 0 // what is behind a line may be another by the next call
	}
	return f.fail(op, err)
}

// dispatch runs body where it may run. It reports false if the turn went to the
// helper, with a body that has not returned.
func (f *File) dispatch(ctx context.Context, op string, grace time.Duration, body func(how) error) (mine bool, err error) {
	if f.intr != nil {
		return true, f.interruptible(ctx, body)
	}
	if inPlace(ctx) {
		if err := f.lim.gate.acquire(ctx); err != nil {
			return true, err
		}
		defer f.lim.gate.release()
		return true, body(here)
	}
	if err := body(trying); err != errWouldBlock {
		return true, err
	}
	out := new(error)
	doubt := func() {
		if grace > 0 {
			f.doubt.CompareAndSwap(nil, &PoisonError{Op: op, Err: park.Cause(ctx)})
		}
	}
	j := newJob(f.lim, func() { *out = body(away) }, func() {
		doubt() // before anybody has the turn
		f.left.Store(false)
		f.turn.release()
	})
	j.submit()
	if err := j.wait(ctx); err != nil {
		if grace > 0 && j.begun() && j.settle(ctx, grace) == nil {
			return true, *out
		}
		f.left.Store(true)
		switch j.leave() {
		case left:
			doubt()
			return false, err
		case dropped:
			f.left.Store(false)
			return true, err
		}
		f.left.Store(false)
	}
	return true, *out
}

// settle waits a little longer than ctx.
func (j *job) settle(ctx context.Context, grace time.Duration) error {
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return j.wait(longer)
}

// interruptible runs body for a stream: the end of ctx interrupts it, so that its
// outcome is known, and no thread is held while it waits.
func (f *File) interruptible(ctx context.Context, body func(how) error) error {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		f.interrupt()
		close(fired)
	})
	var err error
	if doErr := park.Do(context.WithoutCancel(ctx), func() { err = body(here) }); doErr != nil {
		err = doErr
	}
	if !stop() {
		<-fired
		f.calm()
	}
	if f.ending.Load() {
		f.interrupt()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if f.ending.Load() {
			return fs.ErrClosed
		}
		if cause := park.Cause(ctx); cause != nil {
			return cause
		}
	}
	return err
}

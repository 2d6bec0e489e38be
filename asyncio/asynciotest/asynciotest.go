// Package asynciotest helps to test code that runs on a loop of package asyncio.
//
// [Run] runs a test body as the main task of a loop whose clock is virtual: a
// test of timeouts takes no time, and its order of events is always the same. It
// fails the test if the body leaves tasks behind. [WaitAllBlocked] and [Sequencer]
// bring tasks to the point that a test is about.
//
//	func TestRetry(t *testing.T) {
//		asynciotest.Run(t, nil, func(ctx context.Context) {
//			task := asyncio.Go(ctx, fetchWithRetries)
//			asynciotest.WaitAllBlocked(ctx)
//			...
//		})
//	}
package asynciotest

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// Options configures [Run]. A nil pointer or a zero field means the default.
type Options struct {
	// Loop is for the loop. Default: that of asyncio, with a virtual clock and
	// the test's log.
	Loop asyncio.LoopOptions
	// AllowTasks lets body leave tasks behind, which are then cancelled.
	// Default: that is an error of the test.
	AllowTasks bool
}

// Run calls body as the main task of a new loop and returns when all has ended.
// Errors that nobody asked for, and tasks that are left, fail the test. A
// t.FailNow in body ends the test as usual. Call it from the test's goroutine.
func Run(t testing.TB, opts *Options, body func(ctx context.Context)) {
	t.Helper()
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Loop.Clock == nil {
		o.Loop.Clock = asyncio.NewVirtualClock()
	}
	if o.Loop.Logger == nil {
		o.Loop.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (struct{}, error) {
		body(ctx)
		if !o.AllowTasks {
			reportTasks(t, ctx)
		}
		return struct{}{}, nil
	}, &asyncio.RunOptions{LoopOptions: o.Loop})
	if err != nil {
		t.Errorf("asynciotest: %v", err)
	}
}

// reportTasks fails t for each task that is left when all had the chance to end.
func reportTasks(t testing.TB, ctx context.Context) {
	t.Helper()
	if err := WaitAllBlocked(ctx); err != nil {
		return
	}
	l, err := asyncio.RunningLoop()
	if err != nil {
		return
	}
	for _, task := range l.AllTasks() {
		if task != asyncio.CurrentTask() {
			t.Errorf("asynciotest: task left behind: %v", task)
		}
	}
}

// WaitAllBlocked suspends the task until all others wait; see [asyncio.WaitAllBlocked].
func WaitAllBlocked(ctx context.Context) error { return asyncio.WaitAllBlocked(ctx) }

// Elapsed returns how much time has passed on the clock of the running loop,
// since it was made. Off a loop it is zero.
func Elapsed() time.Duration {
	l, err := asyncio.RunningLoop()
	if err != nil {
		return 0
	}
	return l.Time()
}

// A Sequencer makes steps of several tasks happen in a given order. The zero
// value begins with step 0.
//
// trio: testing.Sequencer.
type Sequencer struct {
	next   int
	broken bool
	moved  *asyncio.Condition
}

// ErrSequenceBroken is the error of a step after one that was given up.
var ErrSequenceBroken = errors.New("asynciotest: an earlier step was given up")

// Step waits until the steps before n are done; call done when n is. If ctx ends
// before, its error is returned, and all later steps fail with [ErrSequenceBroken].
// A Sequencer is for the tasks of one loop.
func (s *Sequencer) Step(ctx context.Context, n int) (done func(), err error) {
	if s.moved == nil {
		s.moved = asyncio.NewCondition(nil)
	}
	if err := s.moved.Acquire(ctx); err != nil {
		return nil, err
	}
	defer s.moved.Release()
	if err := s.moved.WaitFor(ctx, func() bool { return s.broken || s.next == n }); err != nil {
		s.broken = true
		s.moved.NotifyAll()
		return nil, err
	}
	if s.broken {
		return nil, ErrSequenceBroken
	}
	return func() { s.advance(ctx, n) }, nil
}

func (s *Sequencer) advance(ctx context.Context, n int) {
	if s.next != n || s.moved.Acquire(context.WithoutCancel(ctx)) != nil {
		return
	}
	defer s.moved.Release()
	s.next++
	s.moved.NotifyAll()
}

package asyncio

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// RunOptions configures [Run]. A nil pointer or a zero field means the default.
type RunOptions struct {
	LoopOptions
	// Interrupt makes the first interrupt (Ctrl-C) cancel the main task, with the
	// cause [ErrInterrupted], and the second one end the process at once, with code 130.
	Interrupt bool
}

// Run makes a loop, runs main as its first task, and closes the loop. It returns
// what main returns, joined with the errors of tasks that nobody asked for.
//
// When main has returned, the tasks that are left are cancelled and awaited. If
// ctx ends, main and all other tasks are cancelled; Run returns when they have ended.
//
// In a task of another loop, Run suspends that task, and its own loop runs on a
// goroutine of its own. If main calls runtime.Goexit, as testing.T.FailNow does,
// so does Run, when all is closed. If a task panics, so does Run, with a [*PanicError].
//
// Python: asyncio.run.
func Run[T any](ctx context.Context, main func(context.Context) (T, error), opts *RunOptions) (T, error) {
	where := placeOf(main)
	if where == 0 {
		panic("asyncio: Run of a nil function")
	}
	if opts == nil {
		opts = &RunOptions{}
	}
	return elsewhere(func() (T, error) {
		l := newLoop(ctx, &opts.LoopOptions)
		t := newTask(l, &l.root, function[T](main), where)
		var lost []error
		v, err := func() (T, error) {
			defer func() { lost = l.shutdown() }()
			if opts.Interrupt {
				defer onInterrupt(t)()
			}
			return RunUntilComplete(context.WithoutCancel(ctx), l, t)
		}()
		if t.fate == exited {
			runtime.Goexit()
		}
		if len(lost) == 0 {
			return v, err
		}
		return v, errors.Join(append([]error{err}, lost...)...)
	})
}

// elsewhere calls run on the calling goroutine, unless that belongs to a loop: a
// task is suspended while another goroutine calls it. The end of that goroutine
// is the end of the call, by panic and Goexit too.
func elsewhere[T any](run func() (T, error)) (v T, err error) {
	if current() == nil {
		return run()
	}
	var failure any
	returned := false
	perr := park.Do(context.Background(), func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() {
				if !returned {
					failure = recover()
				}
			}()
			v, err = run()
			returned = true
		}()
		<-done
	})
	switch {
	case perr != nil:
		return v, perr
	case failure != nil:
		panic(failure)
	case !returned:
		runtime.Goexit()
	}
	return v, err
}

// RunUntilComplete runs l on the calling goroutine until aw is done, and returns
// its result. Of a coroutine it makes a task.
//
// If ctx ends, a coroutine's task is cancelled and awaited; of a task or future
// only the wait ends. The error is [ErrLoopStopped] if l was stopped before,
// [ErrLoopRunning] or [ErrLoopClosed]. If a task panics, all others are unwound
// and RunUntilComplete panics with a [*PanicError].
//
// Python: loop.run_until_complete.
func RunUntilComplete[T any](ctx context.Context, l *Loop, aw Awaitable[T]) (T, error) {
	if currentOf(ctx).on(l) {
		var zero T
		return zero, ErrLoopRunning
	}
	return elsewhere(func() (v T, err error) {
		if err := l.enter(); err != nil {
			return v, err
		}
		defer l.leave()
		var fut AnyFuture[T]
		if c, ok := aw.(*Coroutine[T]); ok {
			fn, err := c.take()
			if err != nil {
				return v, err
			}
			fut = newTask(l, ctx, fn, c.where)
			ctx = context.WithoutCancel(ctx)
		} else {
			fut = aw.ensure(l)
		}
		if err := l.runFor(ctx, fut.core()); err != nil {
			return v, err
		}
		return fut.Result()
	})
}

// runFor runs l until c is done.
func (l *Loop) runFor(ctx context.Context, c *futureCore) error {
	end := stopper{l}
	c.watch(watcher{n: end})
	defer c.remove(func(w watcher) bool { return w.n == notifier(end) })
	defer l.stopWith(ctx)()
	l.spin()
	if c.isDone() {
		return nil
	}
	if err := park.Cause(ctx); err != nil {
		return err
	}
	return ErrLoopStopped
}

// RunForever runs l on the calling goroutine until [Loop.Stop] or until ctx ends,
// whose error it returns. Other errors and panics are those of [RunUntilComplete].
//
// Python: loop.run_forever.
func (l *Loop) RunForever(ctx context.Context) error {
	if currentOf(ctx).on(l) {
		return ErrLoopRunning
	}
	_, err := elsewhere(func() (struct{}, error) {
		if err := l.enter(); err != nil {
			return struct{}{}, err
		}
		defer l.leave()
		defer l.stopWith(ctx)()
		l.spin()
		return struct{}{}, park.Cause(ctx)
	})
	return err
}

// stopWith stops l when ctx ends.
func (l *Loop) stopWith(ctx context.Context) (undo func() bool) {
	h := newHandle(func() { l.stops = true })
	stop := context.AfterFunc(ctx, func() { l.post(h) })
	return func() bool {
		h.Cancel()
		return stop()
	}
}

// spin runs l until it is stopped or has failed.
func (l *Loop) spin() {
	for !l.stops && l.failure == nil {
		l.turn()
	}
	l.stops = false
	if l.failure != nil {
		l.unwind()
		panic(l.failure)
	}
}

// A stopper stops its loop when a future is done.
type stopper struct{ l *Loop }

func (s stopper) notify(cur *fiber, _ uint32) {
	if cur.on(s.l) {
		s.l.ready.push(s)
	} else {
		s.l.Stop()
	}
}

func (s stopper) run(l *Loop) { l.stops = true }

// unwind cancels all tasks and runs l until they have ended. Those that have
// not when the grace is over are ended at their next await.
func (l *Loop) unwind() {
	cause := ErrLoopClosed
	if l.failure != nil {
		cause = l.failure
	}
	for _, t := range l.AllTasks() {
		t.Cancel(cause)
	}
	if l.failure != nil {
		l.doomAll(l.failure)
	}
	late := l.CallLater(max(0, l.opts.Grace), l.killAll)
	defer late.Cancel()
	for l.anyTask() {
		l.stops = false
		l.turn()
	}
	l.stops = false
}

func (l *Loop) anyTask() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first != nil
}

// killAll ends all tasks at their next await.
func (l *Loop) killAll() {
	for _, t := range l.AllTasks() {
		c := t.task()
		c.doomWith(fmt.Errorf("%w: %v", ErrKilled, t))
		c.fate = toKill
	}
	l.wakeAll()
}

// doomAll makes all waits for things of the loop fail with err, now and later.
func (l *Loop) doomAll(err error) {
	for _, t := range l.AllTasks() {
		t.task().doomWith(err)
	}
	l.wakeAll()
}

func (l *Loop) wakeAll() {
	for _, t := range l.AllTasks() {
		if c := t.task(); c.blocker() != external {
			c.wakeNow(c.gen)
		}
	}
}

// Close cancels the tasks of l, runs it until they have ended, and frees what it
// holds. It returns the errors that nobody asked for, which were logged too.
// Closing twice does nothing. The error is [ErrLoopRunning] while l runs.
//
// Python: loop.close. Differs: tasks are unwound first.
func (l *Loop) Close() error {
	if l.IsRunning() {
		return ErrLoopRunning
	}
	_, err := elsewhere(func() (struct{}, error) {
		return struct{}{}, errors.Join(l.shutdown()...)
	})
	return err
}

func (l *Loop) shutdown() []error {
	if err := l.enter(); err != nil {
		if errors.Is(err, ErrLoopClosed) {
			return nil
		}
		return []error{err}
	}
	defer l.leave()
	l.unwind()
	l.removeSignalHandlers()
	if err := l.threads.shutdown(l.graceLeft()); err != nil {
		l.logger().Error("functions given to ToThread still run", "error", err)
	}
	l.closed.Store(true)
	l.receive(l.mail.takeAll(noMail))
	l.unwind()
	for l.trim(0) {
	}
	l.exits.Wait()
	l.root.finish()
	l.flushLost()
	l.calls.flush()
	l.lost.mu.Lock()
	defer l.lost.mu.Unlock()
	return l.lost.reported
}

func (l *Loop) graceLeft() time.Duration { return max(l.opts.Grace, 0) }

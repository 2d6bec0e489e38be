package asyncio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// ErrTimeout is the error of a deadline that passed in [WithTimeout] or
// [WaitFor]. It matches [context.DeadlineExceeded].
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string        { return "asyncio: timed out" }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// A Timeout is the deadline of a running [WithTimeout].
//
// Python: asyncio.Timeout.
type Timeout struct {
	loop  *Loop // nil: a plain goroutine's
	scope scope
	timer timer
	base  time.Time // of when, without a loop
	when  time.Duration
	has   bool
	state timeoutState
	alarm *time.Timer
}

type timeoutState int

const (
	timeoutActive timeoutState = iota
	timeoutExpiring
	timeoutExpired
	timeoutFinished
)

func (s timeoutState) String() string {
	return [...]string{"active", "expiring", "expired", "finished"}[s]
}

// WithTimeout calls body with a ctx that ends after d. If body then returns an
// error that comes from that, the error is [ErrTimeout]; any other error, and
// success, are returned as they are. It waits for body in any case.
//
// A d that is not positive has passed at once: body runs with a ctx that has ended.
//
// Python: asyncio.timeout.
func WithTimeout(ctx context.Context, d time.Duration, body func(ctx context.Context, t *Timeout) error) error {
	t := newTimeout(ctx)
	t.schedule(t.now() + d)
	return t.do(ctx, body)
}

// WithTimeoutAt is [WithTimeout] with a deadline on the clock of the running loop,
// [Loop.Time]. Off a loop there is no such clock, and the error is [ErrNoRunningLoop].
//
// Python: asyncio.timeout_at.
func WithTimeoutAt(ctx context.Context, when time.Duration, body func(ctx context.Context, t *Timeout) error) error {
	t := newTimeout(ctx)
	if t.loop == nil {
		t.finish()
		return ErrNoRunningLoop
	}
	t.schedule(when)
	return t.do(ctx, body)
}

// WithoutTimeout is [WithTimeout] with no deadline yet; [Timeout.Reschedule] sets one.
//
// Python: asyncio.timeout(None).
func WithoutTimeout(ctx context.Context, body func(ctx context.Context, t *Timeout) error) error {
	return newTimeout(ctx).do(ctx, body)
}

func newTimeout(ctx context.Context) *Timeout {
	t := &Timeout{base: time.Now()}
	cur := currentOf(ctx)
	task := cur.task()
	if cur != nil {
		t.loop = cur.loop
	}
	t.scope.init(t.loop, task, ctx)
	return t
}

func (t *Timeout) now() time.Duration {
	if t.loop != nil {
		return t.loop.Time()
	}
	return time.Since(t.base)
}

func (t *Timeout) do(ctx context.Context, body func(context.Context, *Timeout) error) error {
	defer t.finish()
	err := body(&t.scope, t)
	t.finish()
	if t.state != timeoutExpired || err == nil || !errors.Is(err, ErrTimeout) && !errors.Is(err, context.Canceled) {
		return err
	}
	if outside := park.Cause(ctx); outside != nil {
		return outside // both ended: the caller is told of what ends it too
	}
	return ErrTimeout
}

// schedule sets the deadline.
func (t *Timeout) schedule(when time.Duration) {
	t.when, t.has = when, true
	t.scope.setDeadline(time.Now().Add(when - t.now()))
	switch {
	case when <= t.now():
		t.expire()
	case t.loop != nil:
		t.timer.when, t.timer.due = when, t
		t.loop.timers.add(&t.timer)
	default:
		t.alarm = time.AfterFunc(when-t.now(), t.cancel)
	}
}

func (t *Timeout) unschedule() {
	t.has = false
	t.scope.setDeadline(time.Time{})
	if t.loop != nil {
		t.loop.timers.remove(&t.timer)
	} else if t.alarm != nil {
		t.alarm.Stop()
	}
}

func (t *Timeout) cancel() { t.scope.cancel(context.DeadlineExceeded, ErrTimeout) }

func (t *Timeout) expire() {
	t.state = timeoutExpiring
	t.cancel()
}

// run is called when the deadline has passed.
func (t *Timeout) run(*Loop) {
	if t.state == timeoutActive {
		t.expire()
	}
}

func (t *Timeout) finish() {
	if t.state == timeoutFinished || t.state == timeoutExpired {
		return
	}
	has := t.has
	t.unschedule()
	t.has = has
	t.state = timeoutFinished
	if t.scope.over() && context.Cause(&t.scope) == ErrTimeout {
		t.state = timeoutExpired
	}
	t.scope.finish()
}

// Reschedule moves the deadline to d from now. The error is [ErrInvalidState]
// if it has passed, or the call of WithTimeout is over.
//
// Python: Timeout.reschedule.
func (t *Timeout) Reschedule(d time.Duration) error {
	if t.state != timeoutActive {
		return fmt.Errorf("%w: cannot change state of %v Timeout", ErrInvalidState, t.state)
	}
	t.unschedule()
	t.schedule(t.now() + d)
	return nil
}

// Remove takes the deadline away. Its error is that of [Timeout.Reschedule].
//
// Python: Timeout.reschedule(None).
func (t *Timeout) Remove() error {
	if t.state != timeoutActive {
		return fmt.Errorf("%w: cannot change state of %v Timeout", ErrInvalidState, t.state)
	}
	t.unschedule()
	return nil
}

// When returns the deadline on the loop's clock, and whether there is one.
func (t *Timeout) When() (time.Duration, bool) { return t.when, t.has }

// Expired reports whether the deadline has passed.
func (t *Timeout) Expired() bool {
	return t.scope.over() && context.Cause(&t.scope) == ErrTimeout
}

// String returns <Timeout [active] when=1.5s>.
func (t *Timeout) String() string {
	when := "None"
	if t.has {
		when = t.when.String()
	}
	if t.state == timeoutActive || t.state == timeoutExpiring {
		return fmt.Sprintf("<Timeout [%v] when=%s>", t.state, when)
	}
	return fmt.Sprintf("<Timeout [%v]>", t.state)
}

// WaitFor waits for aw, at most for d. If it is not done by then it is cancelled,
// and WaitFor returns when it has ended: with [ErrTimeout], unless it had
// another error, or a value all the same. A d that is not positive does not wait
// for what is not done.
//
// Python: asyncio.wait_for.
func WaitFor[T any](ctx context.Context, d time.Duration, aw Awaitable[T]) (v T, err error) {
	if c, ok := aw.(*Coroutine[T]); ok {
		if d <= 0 {
			if _, err := c.take(); err != nil {
				return v, err
			}
			return v, ErrTimeout
		}
		err = WithTimeout(ctx, d, func(ctx context.Context, _ *Timeout) (err error) {
			v, err = c.await(ctx)
			return err
		})
		return v, err
	}
	fut := aw.ensure(nil)
	err = WithTimeout(ctx, d, func(tctx context.Context, _ *Timeout) (err error) {
		if v, err = fut.await(tctx); tctx.Err() == nil || ctx.Err() != nil || fut.Done() {
			return err
		}
		fut.Cancel(ErrTimeout)
		v, err = fut.await(context.WithoutCancel(ctx))
		return err
	})
	return v, err
}

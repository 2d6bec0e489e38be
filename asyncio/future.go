package asyncio

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

// The states of a future.
const (
	pending int32 = iota
	cancelled
	finished
)

// A futureCore is what futures of all types have in common. It may be completed
// and awaited from any goroutine.
type futureCore struct {
	home *home     // whose lock guards it
	task *taskCore // the task whose result it is, or nil

	state  atomic.Int32 // set under the lock; failed and the value are final when it is
	failed *failure     // guarded by the lock, as the following
	first  watcher      // who wants to know: most often one
	rest   *[]watcher   // the others
}

// A home is where futures belong: a loop, or what has none.
type home struct {
	mu   sync.Mutex
	loop *Loop
}

// A failure is the error of a future.
type failure struct {
	err  error
	seen bool       // somebody asked for it; guarded by the future's lock, as lost
	lost *lostError // err, as long as nobody did
}

// err returns the error of c, which is done.
func (c *futureCore) err() error {
	if c.failed == nil {
		return nil
	}
	return c.failed.err
}

// A watcher is told when a future is done: a task that waits, or another notifier.
type watcher struct {
	n  notifier
	of uint32 // which wait of the task; for others, which future, if they want to know
}

// A notifier is told that a future is done. cur is the fiber of the calling
// goroutine, of the watcher's.
type notifier interface {
	notify(cur *fiber, of uint32)
}

func (c *futureCore) isDone() bool      { return c.state.Load() != pending }
func (c *futureCore) isCancelled() bool { return c.state.Load() == cancelled }

// begin starts the completion of c, which holds its lock until commit. It
// reports false, without the lock, if c is done.
func (c *futureCore) begin() bool {
	c.home.mu.Lock()
	if !c.isDone() {
		return true
	}
	c.home.mu.Unlock()
	return false
}

// commit completes c and tells all that wait, in the order they came.
func (c *futureCore) commit(state int32, err error, cur *fiber) {
	first, rest := c.settle(state, err)
	c.home.mu.Unlock()
	tell(first, rest, cur)
}

// settle is commit up to those that are to be told, which it returns. The lock
// is held.
func (c *futureCore) settle(state int32, err error) (first watcher, rest *[]watcher) {
	if err != nil {
		c.failed = &failure{err: err}
	}
	c.state.Store(state)
	first, rest = c.first, c.rest
	c.first, c.rest = watcher{}, nil
	return first, rest
}

func tell(first watcher, rest *[]watcher, cur *fiber) {
	first.tell(cur)
	if rest != nil {
		for _, w := range *rest {
			w.tell(cur)
		}
	}
}

func (w watcher) tell(cur *fiber) {
	if t, ok := w.n.(*taskCore); ok {
		waiter{t, w.of}.wake(cur)
	} else if w.n != nil {
		w.n.notify(cur, w.of)
	}
}

// notify makes a task a notifier; see tell.
func (*taskCore) notify(*fiber, uint32) {}

// watch adds w, or tells it at once if c is done.
func (c *futureCore) watch(w watcher) {
	c.home.mu.Lock()
	if !c.isDone() {
		c.add(w)
		c.home.mu.Unlock()
		return
	}
	c.home.mu.Unlock()
	w.tell(current())
}

// add appends w. The lock is held.
func (c *futureCore) add(w watcher) {
	switch {
	case c.rest != nil:
		*c.rest = append(*c.rest, w)
	case c.first.n == nil:
		c.first = w
	default:
		c.rest = &[]watcher{w}
	}
}

// remove takes out all watchers for which drop is true and returns their number.
func (c *futureCore) remove(drop func(watcher) bool) int {
	c.home.mu.Lock()
	defer c.home.mu.Unlock()
	n := 0
	if c.first.n != nil && drop(c.first) {
		c.first = watcher{}
		n++
	}
	if c.rest == nil {
		return n
	}
	before := len(*c.rest)
	*c.rest = slices.DeleteFunc(*c.rest, drop)
	n += before - len(*c.rest)
	if len(*c.rest) == 0 {
		c.rest = nil
	}
	return n
}

// wait waits until c is done. Its error says that it is not.
func (c *futureCore) wait(ctx context.Context, f *fiber) error { return c.waitOn(ctx, f, c) }

// waitOn is wait for the end of what on says.
func (c *futureCore) waitOn(ctx context.Context, f *fiber, on blocker) error {
	if f == nil {
		return c.waitHere(ctx)
	}
	t := f.task()
	c.home.mu.Lock()
	if c.isDone() {
		c.home.mu.Unlock()
		return nil
	}
	switch {
	case t == nil:
		c.home.mu.Unlock()
		return ErrWouldBlock
	case c.task == t:
		c.home.mu.Unlock()
		return fmt.Errorf("%w: %v", ErrSelfAwait, t.self)
	}
	w := t.wait()
	c.add(watcher{t, w.gen})
	c.home.mu.Unlock()
	f.parkShort(ctx, on)
	if c.isDone() {
		return nil
	}
	c.remove(func(o watcher) bool { return o == watcher{t, w.gen} })
	return f.interrupted(ctx)
}

// waitHere blocks the calling goroutine, which is no loop's.
func (c *futureCore) waitHere(ctx context.Context) error {
	done := make(chanNotifier)
	c.watch(watcher{n: done})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	if c.isDone() {
		return nil
	}
	c.remove(func(w watcher) bool { return w.n == done })
	return park.Cause(ctx)
}

// A chanNotifier is closed when the future is done.
type chanNotifier chan struct{}

func (c chanNotifier) notify(*fiber, uint32) { close(c) }

// A Future is a result that will be there later. Complete it with SetResult,
// SetError or Cancel; wait for it with [Await]. All of it is safe for use by
// many goroutines, on a loop and off.
//
// Python: asyncio.Future. Differs: safe to complete from any goroutine.
type Future[T any] struct {
	futureCore
	value T
}

// NewFuture returns a future whose callbacks run on l.
//
// Python: loop.create_future.
func NewFuture[T any](l *Loop) *Future[T] {
	return &Future[T]{futureCore: futureCore{home: &l.home}}
}

// SetResult completes f with v. The error is [ErrInvalidState] if f is done.
func (f *Future[T]) SetResult(v T) error {
	if !f.begin() {
		return f.invalid()
	}
	f.value = v
	f.commit(finished, nil, current())
	return nil
}

// SetError completes f with err, which must not be nil. The error is
// [ErrInvalidState] if f is done. An err that nobody asks for is reported.
//
// Python: Future.set_exception.
func (f *Future[T]) SetError(err error) error {
	if err == nil {
		panic("asyncio: SetError without an error")
	}
	if !f.begin() {
		return f.invalid()
	}
	f.commit(finished, err, current())
	f.home.loop.expect(&f.futureCore, f)
	return nil
}

// Cancel completes f with an error that matches [context.Canceled] and cause.
// It reports whether f was not done.
func (f *Future[T]) Cancel(cause error) bool {
	if !f.begin() {
		return false
	}
	f.commit(cancelled, cancelError(cause), current())
	return true
}

func cancelError(cause error) error {
	if cause == nil || cause == context.Canceled {
		return context.Canceled
	}
	return fmt.Errorf("%w: %w", context.Canceled, cause)
}

func (f *Future[T]) invalid() error {
	return fmt.Errorf("%w: %v", ErrInvalidState, f)
}

// Done reports whether f has a result, an error, or was cancelled.
func (f *Future[T]) Done() bool { return f.isDone() }

// Cancelled reports whether f was cancelled.
func (f *Future[T]) Cancelled() bool { return f.isCancelled() }

// Result returns what f was completed with. It does not wait: if f is not done,
// the error is [ErrInvalidState].
func (f *Future[T]) Result() (T, error) {
	if !f.isDone() {
		var zero T
		return zero, fmt.Errorf("%w: result is not ready", ErrInvalidState)
	}
	f.asked()
	return f.value, f.err()
}

// Err returns the error that f was completed with, nil for a value, or
// [ErrInvalidState] if f is not done.
//
// Python: Future.exception.
func (f *Future[T]) Err() error {
	if !f.isDone() {
		return fmt.Errorf("%w: exception is not set", ErrInvalidState)
	}
	f.asked()
	return f.err()
}

// AddDoneCallback makes f's loop call fn(f) when f is done; if it is, soon.
// Callbacks run in the order in which they were added.
func (f *Future[T]) AddDoneCallback(fn func(*Future[T])) {
	f.watch(watcher{n: newCallback(f.home.loop, fn, func() { fn(f) })})
}

// RemoveDoneCallback takes back all callbacks added with fn, and returns how
// many there were. Functions are compared by their code: two closures made by
// the same line are the same.
func (f *Future[T]) RemoveDoneCallback(fn func(*Future[T])) int {
	return f.removeCallback(fn)
}

func (f *Future[T]) await(ctx context.Context) (T, error) {
	if err := f.wait(ctx, currentOf(ctx)); err != nil {
		var zero T
		return zero, err
	}
	return f.Result()
}

func (f *Future[T]) ensure(*Loop) AnyFuture[T] { return f }
func (f *Future[T]) core() *futureCore         { return &f.futureCore }

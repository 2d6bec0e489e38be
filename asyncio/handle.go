package asyncio

import (
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A runnable is what a loop has in its ready queue: a task or a callback.
type runnable interface{ run(l *Loop) }

// A Handle is a callback that a loop will call.
//
// Python: asyncio.Handle and TimerHandle.
type Handle struct {
	next   *Handle // in the loop's mail
	fn     func()
	timed  *timedHandle // which it is part of; nil: it has no time
	state  atomic.Int32 // handleWaits, handleCalled or handleCancelled
	atOnce bool         // no callback, but for the loop itself
}

const (
	handleWaits = iota
	handleCalled
	handleCancelled
)

// A timedHandle is a Handle with a time.
type timedHandle struct {
	Handle
	loop  *Loop
	timer timer
}

// Cancel makes the loop not call h's function. It reports whether it was in
// time. It may be called from any goroutine.
func (h *Handle) Cancel() bool {
	if !h.state.CompareAndSwap(handleWaits, handleCancelled) {
		return false
	}
	if t := h.timed; t != nil {
		if l := t.loop; l.mine() {
			l.timers.remove(&t.timer)
		} else {
			l.postDo(func() { l.timers.remove(&t.timer) })
		}
	}
	return true
}

// Cancelled reports whether h was cancelled before it was called.
func (h *Handle) Cancelled() bool { return h.state.Load() == handleCancelled }

// When returns when h is to be called, on the loop's clock; zero without a time.
func (h *Handle) When() time.Duration {
	if h.timed == nil {
		return 0
	}
	return h.timed.timer.when
}

func (h *Handle) run(l *Loop) {
	if !h.state.CompareAndSwap(handleWaits, handleCalled) {
		return
	}
	fn := h.fn
	h.fn = nil
	l.guard(fn)
}

// guard calls fn and makes its panic the loop's failure.
func (l *Loop) guard(fn func()) {
	defer func() {
		if v := recover(); v != nil {
			where := placeOf(fn)
			l.fail(newPanic("callback "+where.name()+" at "+where.line(), v, debug.Stack()))
		}
	}()
	if l.active.Load() != nil {
		l.active.Store(nil)
	}
	l.dog.alive()
	if l.opts.Debug {
		defer l.slow(placeOf(fn), time.Now())
	}
	fn()
}

// CallSoon makes l call fn in its next iteration, after what is ready. It may
// be called from any goroutine. On a closed loop fn is never called.
func (l *Loop) CallSoon(fn func()) *Handle {
	h := newHandle(fn)
	if l.mine() {
		l.ready.push(h)
	} else {
		l.post(h)
	}
	return h
}

// CallSoonThreadsafe is [Loop.CallSoon] for goroutines that are not l's.
// The error is [ErrLoopClosed].
func (l *Loop) CallSoonThreadsafe(fn func()) (*Handle, error) {
	h := newHandle(fn)
	if !l.post(h) {
		return nil, ErrLoopClosed
	}
	return h, nil
}

func newHandle(fn func()) *Handle {
	if fn == nil {
		panic("asyncio: nil callback")
	}
	return &Handle{fn: fn}
}

// CallLater makes l call fn after d; in the next iteration if d is not positive.
func (l *Loop) CallLater(d time.Duration, fn func()) *Handle {
	return l.CallAt(l.Time()+d, fn)
}

// CallAt makes l call fn when its clock, [Loop.Time], shows when. Callbacks of
// the same time are called in the order of their CallAt.
func (l *Loop) CallAt(when time.Duration, fn func()) *Handle {
	if fn == nil {
		panic("asyncio: nil callback")
	}
	h := &timedHandle{Handle: Handle{fn: fn}, loop: l, timer: timer{when: when}}
	h.timed, h.timer.due = h, &h.Handle
	if l.mine() {
		l.timers.add(&h.timer)
	} else {
		l.postDo(h.start)
	}
	return &h.Handle
}

func (h *timedHandle) start() {
	if h.state.Load() == handleWaits {
		h.loop.timers.add(&h.timer)
	}
}

// A callback is a done callback: it goes to the ready queue when its future is done.
type callback struct {
	Handle
	loop *Loop
	user place
}

func newCallback(l *Loop, user any, fn func()) *callback {
	where := placeOf(user)
	if where == 0 {
		panic("asyncio: nil callback")
	}
	return &callback{Handle: Handle{fn: fn}, loop: l, user: where}
}

func (c *callback) notify(cur *fiber, _ uint32) {
	if cur.on(c.loop) {
		c.loop.ready.push(&c.Handle)
	} else {
		c.loop.post(&c.Handle)
	}
}

// removeCallback takes out all callbacks of the function user.
func (c *futureCore) removeCallback(user any) int {
	where := placeOf(user)
	return c.remove(func(w watcher) bool {
		cb, ok := w.n.(*callback)
		return ok && cb.user == where
	})
}

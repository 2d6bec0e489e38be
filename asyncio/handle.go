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
	loop  *Loop
	fn    func()
	where place
	state atomic.Int32 // handleWaits, handleCalled or handleCancelled
	timer timer
	timed bool
}

const (
	handleWaits = iota
	handleCalled
	handleCancelled
)

// Cancel makes the loop not call h's function. It reports whether it was in
// time. It may be called from any goroutine.
func (h *Handle) Cancel() bool {
	if !h.state.CompareAndSwap(handleWaits, handleCancelled) {
		return false
	}
	if h.timed {
		if current().on(h.loop) {
			h.loop.timers.remove(&h.timer)
		} else {
			h.loop.post(post{drop: h})
		}
	}
	return true
}

// Cancelled reports whether h was cancelled before it was called.
func (h *Handle) Cancelled() bool { return h.state.Load() == handleCancelled }

// When returns when h is to be called, on the loop's clock; zero without a time.
func (h *Handle) When() time.Duration { return h.timer.when }

func (h *Handle) run(l *Loop) {
	if !h.state.CompareAndSwap(handleWaits, handleCalled) {
		return
	}
	fn := h.fn
	h.fn = nil
	l.guard(h.where, fn)
}

// guard calls fn and makes its panic the loop's failure.
func (l *Loop) guard(where place, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			l.fail(newPanic("callback "+where.name()+" at "+where.line(), v, debug.Stack()))
		}
	}()
	l.active.Store(nil)
	l.dog.alive()
	if l.opts.Debug {
		defer l.slow(where, time.Now())
	}
	fn()
}

// CallSoon makes l call fn in its next iteration, after what is ready. It may
// be called from any goroutine. On a closed loop fn is never called.
func (l *Loop) CallSoon(fn func()) *Handle {
	h := l.newHandle(fn)
	if current().on(l) {
		l.ready.push(h)
	} else {
		l.post(post{h: h})
	}
	return h
}

// CallSoonThreadsafe is [Loop.CallSoon] for goroutines that are not l's.
// The error is [ErrLoopClosed].
func (l *Loop) CallSoonThreadsafe(fn func()) (*Handle, error) {
	h := l.newHandle(fn)
	if !l.post(post{h: h}) {
		return nil, ErrLoopClosed
	}
	return h, nil
}

// CallLater makes l call fn after d; in the next iteration if d is not positive.
func (l *Loop) CallLater(d time.Duration, fn func()) *Handle {
	return l.CallAt(l.Time()+d, fn)
}

// CallAt makes l call fn when its clock, [Loop.Time], shows when. Callbacks of
// the same time are called in the order of their CallAt.
func (l *Loop) CallAt(when time.Duration, fn func()) *Handle {
	h := l.newHandle(fn)
	h.timed = true
	h.timer.when, h.timer.due = when, h
	if current().on(l) {
		l.timers.add(&h.timer)
	} else {
		l.post(post{h: h})
	}
	return h
}

func (l *Loop) newHandle(fn func()) *Handle {
	where := placeOf(fn)
	if where == 0 {
		panic("asyncio: nil callback")
	}
	return &Handle{loop: l, fn: fn, where: where}
}

// A callback is a done callback: it goes to the ready queue when its future is done.
type callback struct {
	Handle
	user place
}

func newCallback(l *Loop, user any, fn func()) *callback {
	where := placeOf(user)
	if where == 0 {
		panic("asyncio: nil callback")
	}
	c := &callback{user: where}
	c.loop, c.fn, c.where = l, fn, where
	return c
}

func (c *callback) notify(cur *fiber) {
	if cur.on(c.loop) {
		c.loop.ready.push(&c.Handle)
	} else {
		c.loop.post(post{h: &c.Handle})
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

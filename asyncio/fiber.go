package asyncio

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

// A fiber is a goroutine that belongs to a loop: that of a task, that of a
// [Pull] inside a task, or the loop's own.
type fiber struct {
	loop  *Loop
	id    park.ID             // the identity of the goroutine; a coro's only
	co    *coro               // runs the task; nil: the loop's own goroutine
	yield func(struct{}) bool // suspends the goroutine until it is resumed
}

// current returns the fiber of the calling goroutine, or nil.
func current() *fiber {
	f, _ := park.Current().(*fiber)
	return f
}

// currentOf is current for a caller that was passed ctx. A task nearly always
// passes its own, which tells where to look.
func currentOf(ctx context.Context) *fiber {
	if s, ok := ctx.(*scope); ok && s.owner != nil {
		if c := s.owner.co.Load(); c != nil && c.id == park.Self() {
			return &c.fiber
		}
	}
	return current()
}

// on reports whether f belongs to l.
func (f *fiber) on(l *Loop) bool { return f != nil && f.loop == l }

// task returns the task that the calling goroutine works for, or nil.
func (f *fiber) task() *taskCore {
	if f == nil || f.co == nil {
		return nil
	}
	return f.co.task
}

// suspend gives the goroutine up until the task is to go on.
func (f *fiber) suspend() {
	if f == &f.co.fiber {
		f.co.suspend()
	} else {
		f.yield(struct{}{}) // the task suspends, and then goes on here
	}
}

// A waiter names one wait of a task, so that a late wake does not end the next one.
type waiter struct {
	t   *taskCore
	gen uint32
}

// wait begins a wait of t.
func (t *taskCore) wait() waiter {
	t.gen++
	t.waiting = true
	return waiter{t, t.gen}
}

// wake ends the wait; cur is the fiber of the calling goroutine.
func (w waiter) wake(cur *fiber) {
	if cur.on(w.t.ctx.loop) {
		w.t.wakeNow(w.gen)
		return
	}
	w.t.ctx.loop.postDo(func() { w.t.wakeNow(w.gen) })
}

// wakeNow ends wait gen of t. Only t's loop calls it.
func (t *taskCore) wakeNow(gen uint32) {
	if !t.waiting || t.gen != gen {
		return
	}
	t.waiting = false
	if t.suspended {
		t.suspended = false
		t.ctx.loop.ready.push(t)
	}
}

// park suspends the task of f until the wait that t.wait began is ended, or ctx
// is. It returns at once if either is so already. on is what the task waits for.
func (f *fiber) park(ctx context.Context, on blocker) {
	t := f.co.task
	var stop func() bool
	if s := t.ownScope(ctx); s != nil {
		if s.over() {
			t.waiting = false
		}
		f.co.waitScope = s
	} else if ctx.Done() != nil {
		w := waiter{t, t.gen}
		stop = context.AfterFunc(ctx, func() { w.wake(nil) })
	}
	if on != external && t.doom() != nil {
		t.waiting = false
	}
	f.co.fault = nil
	if t.waiting {
		f.co.on = on
		t.suspended = true
		f.suspend()
		t.suspended = false
		f.co.on = nil
	}
	t.waiting = false
	f.co.waitScope = nil
	if stop != nil {
		stop()
	}
}

// parkShort is park, with few frames between the caller and the loop in the common
// case of a task that waits with its own ctx: after a switch of stacks the
// processor predicts every return wrongly.
func (f *fiber) parkShort(ctx context.Context, on blocker) {
	t := f.co.task
	s, ok := ctx.(*scope)
	if !ok || s.owner != t || s.over() || t.doom() != nil || !t.waiting {
		f.park(ctx, on)
		return
	}
	f.co.waitScope, f.co.on, f.co.fault = s, on, nil
	t.suspended = true
	if f == &f.co.fiber {
		f.co.suspend()
	} else {
		f.suspend()
	}
	f.co.waitScope, f.co.on = nil, nil
	t.waiting, t.suspended = false, false
}

// coro returns the coro that t is on; nil before the first step and after the
// last. It is for t's loop.
func (t *taskCore) coro() *coro {
	if c := t.co.Load(); c != nil && c.task == t {
		return c
	}
	return nil
}

// blocker returns what t waits for, or nil.
func (t *taskCore) blocker() blocker {
	if c := t.coro(); c != nil {
		return c.on
	}
	return nil
}

// ownScope returns the scope whose end wakes t without a registration, if ctx
// ends exactly with it.
func (t *taskCore) ownScope(ctx context.Context) *scope {
	s, ok := ctx.(*scope)
	if !ok {
		if s, ok = ctx.Value(scopeKey{}).(*scope); !ok || s.owner != t || s.Done() != ctx.Done() {
			return nil
		}
	}
	if s.owner != t {
		return nil
	}
	return s
}

// interrupted returns why a wait ended without what it waited for. It does not
// return if the task is to be killed.
func (f *fiber) interrupted(ctx context.Context) error {
	f.breathe()
	t := f.co.task
	if err := f.co.fault; err != nil {
		f.co.fault = nil
		return err
	}
	if t.fate == toKill {
		t.fate = killed
		runtime.Goexit()
	}
	if err := park.Cause(ctx); err != nil {
		return err
	}
	return t.doom()
}

// breathe lets the others run now and then, so that a task that goes on waiting
// after its end cannot hold the loop.
func (f *fiber) breathe() {
	const every = 64
	if f.co.failed++; f.co.failed%every == 0 {
		f.loop.ready.push(f.co.task)
		f.suspend()
	}
}

// Park implements [park.Parker].
func (f *fiber) Park(ctx context.Context, arm func(wake func())) error {
	var woken atomic.Bool
	t := f.task()
	if t == nil {
		arm(func() { woken.Store(true) })
		if woken.Load() {
			return nil
		}
		return ErrWouldBlock
	}
	w := t.wait()
	arm(func() {
		if woken.CompareAndSwap(false, true) {
			w.wake(current())
		}
	})
	return f.parkOutside(ctx, &woken)
}

// parkOutside suspends the task until woken is set, and its wait ended then, or
// ctx is.
func (f *fiber) parkOutside(ctx context.Context, woken *atomic.Bool) error {
	f.loop.outside++
	for !woken.Load() {
		f.park(ctx, external)
		if woken.Load() || ctx.Err() != nil {
			break
		}
		f.co.task.waiting = true // an end of some other kind: this wait has none
	}
	f.loop.outside--
	if woken.Load() {
		return nil
	}
	return f.interrupted(ctx)
}

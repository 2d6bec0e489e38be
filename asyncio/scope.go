package asyncio

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A scope is the context of a task, a group or a timeout: one node in the tree
// along which cancellation runs. It differs from the contexts of the standard
// library in what it costs: its channel exists only if somebody asked for it,
// and the task that owns it needs no registration to be woken by its end.
type scope struct {
	values context.Context // what is looked up here; never a scope
	owner  *taskCore       // the task to wake; nil: none
	loop   *Loop
	up     atomic.Pointer[scope]
	stop   func() bool // ends the registration with a parent that is no scope
	ended  atomic.Bool // err is set and final

	deadline atomic.Pointer[time.Time] // nil: that of up

	mu       sync.Mutex // guards following
	err      error
	cause    *causeCtx // once the scope has ended
	std      *stdCtx   // nil until somebody asks for Done
	children *scope    // the first of them
	youngest *scope    // the last

	prev, next *scope // among up's children, guarded by up.mu
}

type scopeKey struct{}

// causeKey is what context.Cause asks a context that has ended for.
var causeKey = func() any {
	var p keyProbe
	context.Cause(&p)
	return p.key
}()

type keyProbe struct{ key any }

func (*keyProbe) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*keyProbe) Done() <-chan struct{}       { return nil }
func (*keyProbe) Err() error                  { return context.Canceled }
func (p *keyProbe) Value(key any) any         { p.key = key; return nil }

// init makes s a child of ctx.
func (s *scope) init(l *Loop, owner *taskCore, ctx context.Context) {
	s.loop, s.owner = l, owner
	if up, ok := ctx.(*scope); ok {
		s.values = up.values
		up.adopt(s)
		return
	}
	s.values = ctx
	s.join(ctx)
}

// join makes s end with ctx, which is no scope.
func (s *scope) join(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	if ctx.Err() != nil {
		s.cancel(ctx.Err(), context.Cause(ctx))
		return
	}
	s.stop = context.AfterFunc(ctx, func() { s.cancel(ctx.Err(), context.Cause(ctx)) })
}

// adopt links child below s, or ends it if s has ended.
func (s *scope) adopt(child *scope) {
	s.mu.Lock()
	if s.err != nil {
		err, cause := s.err, context.Cause(s.cause)
		s.mu.Unlock()
		child.cancel(err, cause)
		return
	}
	child.up.Store(s)
	child.prev = s.youngest
	if s.youngest != nil {
		s.youngest.next = child
	} else {
		s.children = child
	}
	s.youngest = child
	s.mu.Unlock()
}

// unlink takes s out of its parent's children.
func (s *scope) unlink() {
	for {
		up := s.up.Load()
		if up == nil {
			return
		}
		up.mu.Lock()
		if s.up.Load() != up {
			up.mu.Unlock()
			continue
		}
		if s.prev != nil {
			s.prev.next = s.next
		} else {
			up.children = s.next
		}
		if s.next != nil {
			s.next.prev = s.prev
		} else {
			up.youngest = s.prev
		}
		s.prev, s.next = nil, nil
		s.up.Store(nil)
		up.mu.Unlock()
		return
	}
}

// release undoes the link of s with its parent.
func (s *scope) release() {
	if s.stop != nil {
		s.stop()
	}
	s.unlink()
}

// cancel ends s and everything below it. It reports whether s had not ended.
func (s *scope) cancel(err, cause error) bool {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return false
	}
	endStd := s.end(err, cause)
	below := s.detach()
	s.mu.Unlock()
	for _, c := range below {
		c.cancel(err, cause)
	}
	endStd()
	if s.owner != nil {
		s.loop.scopeEnded(s)
	}
	return true
}

// end makes the end of s visible. s.mu is held, and the caller is to call endStd
// without it.
func (s *scope) end(err, cause error) (endStd func()) {
	s.err, s.cause = err, causeOf(err, cause)
	s.ended.Store(true)
	if s.std == nil {
		return func() {}
	}
	return s.std.end
}

// causeOf returns a context that has ended with cause.
func causeOf(err, cause error) *causeCtx {
	switch cause {
	case nil, context.Canceled:
		if err == context.Canceled {
			return plainCause
		}
	case errTaskFinished:
		return finishedCause
	}
	if cause == nil {
		cause = err
	}
	return newCause(cause)
}

// A causeCtx answers context.Cause.
type causeCtx struct{ context.Context }

func newCause(cause error) *causeCtx {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return &causeCtx{ctx}
}

// The causes of most scopes.
var (
	plainCause    = newCause(nil)
	finishedCause = newCause(errTaskFinished)
)

// finish says that the work s stands for is over: s ends, as the context of a
// function does that has returned. The tasks below it go on below its parent.
func (s *scope) finish() {
	up := s.up.Load()
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		s.release()
		return
	}
	below := s.detach()
	endStd := s.end(context.Canceled, errTaskFinished)
	s.mu.Unlock()
	for _, c := range below {
		if up != nil {
			up.adopt(c)
		} else {
			c.join(s.values)
		}
	}
	s.release()
	endStd()
}

// detach returns the children of s, the oldest first, which are its no more.
// s.mu is held.
func (s *scope) detach() []*scope {
	var below []*scope
	for c := s.children; c != nil; {
		next := c.next
		c.prev, c.next = nil, nil
		c.up.Store(nil)
		below = append(below, c)
		c = next
	}
	s.children, s.youngest = nil, nil
	return below
}

// Deadline returns the earliest deadline of s and what is above it.
func (s *scope) Deadline() (time.Time, bool) {
	first, ok := s.values.Deadline()
	for ; s != nil; s = s.up.Load() {
		if d := s.deadline.Load(); d != nil && (!ok || d.Before(first)) {
			first, ok = *d, true
		}
	}
	return first, ok
}

func (s *scope) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.std == nil {
		std := new(stdCtx)
		s.std = std
		ctx, cancel := context.WithCancelCause(hub{s}) // which sets std.end
		std.Context, _ = ctx, cancel
		if s.err != nil {
			std.end()
		}
	}
	return s.std.Done()
}

func (s *scope) Err() error {
	if !s.ended.Load() {
		return nil
	}
	return s.err
}

func (s *scope) Value(key any) any {
	switch key {
	case scopeKey{}:
		return s
	case causeKey:
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.std != nil:
			return s.std.Value(key)
		case s.err != nil:
			return s.cause.Value(key)
		}
		return nil
	}
	return s.values.Value(key)
}

func (s *scope) String() string { return "asyncio.scope" }

// A stdCtx is a context of the standard library that ends with a scope.
type stdCtx struct {
	context.Context
	end func()
}

// A hub is the parent of a scope's std, which thereby takes over the scope's
// error and cause. (A scope is no parent that package context knows, but std is:
// what is derived from a scope costs no goroutine.)
type hub struct{ s *scope }

var never = make(chan struct{})

func (hub) Deadline() (time.Time, bool) { return time.Time{}, false }
func (hub) Done() <-chan struct{}       { return never }
func (h hub) Err() error                { return h.s.err }

func (h hub) Value(key any) any {
	if key == causeKey && h.s.err != nil {
		return h.s.cause.Value(key)
	}
	return nil
}

// AfterFunc is called by package context; f ends std.
func (h hub) AfterFunc(f func()) (stop func() bool) {
	h.s.std.end = f
	return func() bool { return false }
}

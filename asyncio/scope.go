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
	done     chan struct{}
	err      error
	cause    context.Context // answers context.Cause, once the scope has ended
	finished bool            // it ends when nothing derives from it any more
	children *scope          // the first of them
	youngest *scope          // the last
	funcs    map[*scopeFunc]struct{}

	prev, next *scope // among up's children, guarded by up.mu
}

type scopeFunc struct{ f func() }

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
	if ctx.Done() == nil {
		return
	}
	if ctx.Err() != nil {
		s.cancel(ctx.Err(), context.Cause(ctx))
		return
	}
	s.stop = context.AfterFunc(ctx, func() { s.cancel(ctx.Err(), context.Cause(ctx)) })
}

// adopt links child below s, or below the nearest scope above that still
// stands for running work, or ends it if s has ended.
func (s *scope) adopt(child *scope) {
	for {
		s.mu.Lock()
		if s.err != nil && !s.finished {
			err, cause := s.err, context.Cause(s.cause)
			s.mu.Unlock()
			child.cancel(err, cause)
			return
		}
		if up := s.up.Load(); s.finished && up != nil {
			s.mu.Unlock()
			s = up
			continue
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
		return
	}
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
		quiet := up.settle()
		up.mu.Unlock()
		if quiet {
			up.release()
		}
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
	s.end(err, cause)
	funcs := s.funcs
	s.funcs = nil
	below := s.detach()
	s.mu.Unlock()
	for _, c := range below {
		c.cancel(err, cause)
	}
	for f := range funcs {
		f.f()
	}
	if s.owner != nil {
		s.loop.scopeEnded(s)
	}
	return true
}

// end makes the end of s visible. s.mu is held.
func (s *scope) end(err, cause error) {
	s.err = err
	var cancel context.CancelCauseFunc
	s.cause, cancel = context.WithCancelCause(context.Background())
	if cause == nil {
		cause = err
	}
	cancel(cause)
	s.ended.Store(true)
	if s.done != nil {
		close(s.done)
	}
}

// finish says that the work s stands for is over. Tasks below it go on below
// its parent. s itself ends when nothing is derived from it any more, so that
// what the work returned (say, a response whose body is still to be read)
// stays alive.
func (s *scope) finish() {
	up := s.up.Load()
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		s.release()
		return
	}
	s.finished = true
	var below []*scope
	if up != nil {
		below = s.detach()
	}
	quiet := s.settle()
	s.mu.Unlock()
	for _, c := range below {
		up.adopt(c)
	}
	if quiet {
		s.release()
	}
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

// settle ends a finished scope from which nothing is derived. s.mu is held.
func (s *scope) settle() bool {
	if !s.finished || len(s.funcs) > 0 || s.children != nil {
		return false
	}
	if s.done != nil && s.err == nil {
		s.end(context.Canceled, errTaskFinished)
	}
	return true
}

// AfterFunc calls f when s ends; contexts derived from s use it.
func (s *scope) AfterFunc(f func()) (stop func() bool) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		f()
		return func() bool { return false }
	}
	e := &scopeFunc{f}
	if s.funcs == nil {
		s.funcs = make(map[*scopeFunc]struct{}, 1)
	}
	s.funcs[e] = struct{}{}
	s.mu.Unlock()
	return func() bool {
		s.mu.Lock()
		_, had := s.funcs[e]
		delete(s.funcs, e)
		quiet := had && s.settle()
		s.mu.Unlock()
		if quiet {
			s.release()
		}
		return had
	}
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
	if s.done == nil {
		s.done = make(chan struct{})
		if s.err != nil {
			close(s.done)
		}
	}
	return s.done
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
		if s.ended.Load() {
			return s.cause.Value(key)
		}
		return nil
	}
	return s.values.Value(key)
}

func (s *scope) String() string { return "asyncio.scope" }

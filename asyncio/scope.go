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
	ended  atomic.Pointer[ending] // nil: it has not

	// tree is the lock of all scopes above and below, most often that of the
	// loop. It guards following.
	tree       *sync.Mutex
	up         *scope
	more       *scopeMore
	children   *scope // the first of them
	youngest   *scope // the last
	prev, next *scope // among up's children
}

// A scopeMore is what few scopes have.
type scopeMore struct {
	stop     func() bool // ends the registration with a parent that is no scope
	deadline time.Time   // zero: that of up
	std      *stdCtx     // nil until somebody asks for Done
}

// An ending is how a scope ended. Its context answers context.Cause.
type ending struct {
	context.Context
	err error
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
	up := s.place(l, owner, ctx)
	if up == nil {
		s.join(ctx)
		return
	}
	s.tree.Lock()
	ended := s.attach(up)
	s.tree.Unlock()
	if ended != nil {
		s.end(ended)
	}
}

// place sets what does not change, and returns the scope to attach s to; nil if
// it is to join ctx.
func (s *scope) place(l *Loop, owner *taskCore, ctx context.Context) (up *scope) {
	s.loop, s.owner = l, owner
	up, ok := ctx.(*scope)
	switch {
	case ok:
		s.values, s.tree = up.values, up.tree
		return up
	case l != nil:
		s.values, s.tree = ctx, &l.mu
	default:
		s.values, s.tree = ctx, new(sync.Mutex)
	}
	return nil
}

// join makes s end with ctx, which is no scope. The lock is not held: ctx may be
// made of a scope of the same tree.
func (s *scope) join(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	if ctx.Err() != nil {
		s.cancel(ctx.Err(), context.Cause(ctx))
		return
	}
	stop := context.AfterFunc(ctx, func() { s.cancel(ctx.Err(), context.Cause(ctx)) })
	s.tree.Lock()
	over := s.over()
	if !over {
		s.extra().stop = stop
	}
	s.tree.Unlock()
	if over {
		stop()
	}
}

// attach links s below up, unless up has ended: then it returns how. The lock is
// held.
func (s *scope) attach(up *scope) *ending {
	if e := up.ended.Load(); e != nil {
		return e
	}
	s.up, s.prev = up, up.youngest
	if up.youngest != nil {
		up.youngest.next = s
	} else {
		up.children = s
	}
	up.youngest = s
	return nil
}

// detach takes s out of its parent's children. The lock is held.
func (s *scope) detach() {
	up := s.up
	if up == nil {
		return
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
	s.up, s.prev, s.next = nil, nil, nil
}

// extra returns s.more, which it makes if need be. The lock is held.
func (s *scope) extra() *scopeMore {
	if s.more == nil {
		s.more = new(scopeMore)
	}
	return s.more
}

// over reports whether s has ended.
func (s *scope) over() bool { return s.ended.Load() != nil }

// cancel ends s and everything below it. It reports whether s had not ended.
func (s *scope) cancel(err, cause error) bool { return s.end(endingOf(err, cause)) }

func (s *scope) end(e *ending) bool {
	s.tree.Lock()
	if s.over() {
		s.tree.Unlock()
		return false
	}
	if s.children == nil && s.more == nil {
		s.ended.Store(e)
		s.tree.Unlock()
		s.wakeOwner()
		return true
	}
	var std []*stdCtx
	all := s.endAll(e, nil)
	for _, c := range all {
		if c.more != nil {
			std = append(std, c.more.std)
		} else {
			std = append(std, nil)
		}
	}
	s.tree.Unlock()
	for i, c := range all {
		if std[i] != nil {
			std[i].end()
		}
		c.wakeOwner()
	}
	return true
}

// endAll makes the end of s and of all below it visible, and appends them to
// all, the lowest first. The lock is held.
func (s *scope) endAll(e *ending, all []*scope) []*scope {
	s.ended.Store(e)
	for c := s.children; c != nil; c = s.children {
		c.detach()
		if !c.over() {
			all = c.endAll(e, all)
		}
	}
	return append(all, s)
}

func (s *scope) wakeOwner() {
	if s.owner != nil {
		s.loop.scopeEnded(s)
	}
}

func endingOf(err, cause error) *ending {
	if err == context.Canceled {
		switch cause {
		case nil, context.Canceled:
			return plainEnding
		case errTaskFinished:
			return finishedEnding
		}
	}
	if cause == nil {
		cause = err
	}
	return newEnding(err, cause)
}

func newEnding(err, cause error) *ending {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return &ending{ctx, err}
}

// How most scopes end.
var (
	plainEnding    = newEnding(context.Canceled, nil)
	finishedEnding = newEnding(context.Canceled, errTaskFinished)
)

// finish says that the work s stands for is over: s ends, as the context of a
// function does that has returned. The tasks below it go on below its parent.
func (s *scope) finish() {
	s.tree.Lock()
	after := s.close()
	s.tree.Unlock()
	if after != nil {
		after()
	}
}

// close is finish with the lock held. What is to be done without it is returned,
// most often nothing.
func (s *scope) close() (after func()) {
	up := s.up
	s.detach()
	wasOver := s.over()
	if !wasOver {
		s.ended.Store(finishedEnding)
	}
	if s.children == nil && s.more == nil {
		return nil
	}
	var std *stdCtx
	var stop func() bool
	if s.more != nil {
		std, stop, s.more.stop = s.more.std, s.more.stop, nil
	}
	below := s.moveChildren(up)
	return func() {
		for _, c := range below {
			if up != nil {
				c.end(up.ended.Load())
			} else {
				c.join(s.values)
			}
		}
		if stop != nil {
			stop()
		}
		if std != nil && !wasOver {
			std.end()
		}
	}
}

// moveChildren gives the children of s to up, and returns those for which up is
// no parent: it is nil, or has ended. The lock is held.
func (s *scope) moveChildren(up *scope) (left []*scope) {
	for c := s.children; c != nil; c = s.children {
		c.detach()
		if up == nil || c.attach(up) != nil {
			left = append(left, c)
		}
	}
	return left
}

// setDeadline says when s will end; zero: not before up.
func (s *scope) setDeadline(at time.Time) {
	s.tree.Lock()
	defer s.tree.Unlock()
	s.extra().deadline = at
}

// Deadline returns the earliest deadline of s and what is above it.
func (s *scope) Deadline() (time.Time, bool) {
	first, ok := s.values.Deadline()
	s.tree.Lock()
	defer s.tree.Unlock()
	for ; s != nil; s = s.up {
		if m := s.more; m != nil && !m.deadline.IsZero() && (!ok || m.deadline.Before(first)) {
			first, ok = m.deadline, true
		}
	}
	return first, ok
}

func (s *scope) Done() <-chan struct{} {
	s.tree.Lock()
	defer s.tree.Unlock()
	m := s.extra()
	if m.std == nil {
		std := new(stdCtx)
		m.std = std
		ctx, cancel := context.WithCancelCause(hub{s, std}) // which sets std.end
		std.Context, _ = ctx, cancel
		if s.over() {
			std.end()
		}
	}
	return m.std.Done()
}

func (s *scope) Err() error {
	if e := s.ended.Load(); e != nil {
		return e.err
	}
	return nil
}

func (s *scope) Value(key any) any {
	switch key {
	case scopeKey{}:
		return s
	case causeKey:
		s.tree.Lock()
		defer s.tree.Unlock()
		if s.more != nil && s.more.std != nil {
			return s.more.std.Value(key)
		}
		if e := s.ended.Load(); e != nil {
			return e.Value(key)
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
type hub struct {
	s   *scope
	std *stdCtx
}

var never = make(chan struct{})

func (hub) Deadline() (time.Time, bool) { return time.Time{}, false }
func (hub) Done() <-chan struct{}       { return never }
func (h hub) Err() error                { return h.s.Err() }

func (h hub) Value(key any) any {
	if e := h.s.ended.Load(); key == causeKey && e != nil {
		return e.Value(key)
	}
	return nil
}

// AfterFunc is called by package context; f ends std.
func (h hub) AfterFunc(f func()) (stop func() bool) {
	h.std.end = f
	return func() bool { return false }
}

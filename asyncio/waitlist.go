package asyncio

import (
	"context"

	"github.com/quartet-go/quartet/internal/park"
)

// A node is one that waits in a waitlist: a task, or another goroutine. What it
// waits for is given to it by grant, under the lock of the list's owner, and
// then it has it: a cancel that comes later is for the next wait.
type node struct {
	waiter
	ch         chan struct{} // a goroutine's; closed by grant
	granted    bool
	index      int32 // which of those that were granted together
	prev, next *node
}

// A waitlist is a queue of nodes. Its owner's lock guards it and its nodes.
type waitlist struct {
	first, last *node
	n           int
}

// join appends the caller, whose fiber is f, and returns its node.
func (l *waitlist) join(f *fiber) *node {
	var n *node
	if t := f.task(); t != nil {
		n = &f.co.node
		*n = node{waiter: t.wait()}
	} else {
		n = &node{ch: make(chan struct{})}
	}
	n.prev = l.last
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
	l.n++
	return n
}

func (l *waitlist) remove(n *node) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
	n.prev, n.next = nil, nil
	l.n--
}

// position returns how many nodes are before n.
func (l *waitlist) position(n *node) int {
	i := 0
	for n = n.prev; n != nil; n = n.prev {
		i++
	}
	return i
}

// grant gives the first node what it waits for, and reports false if there is none.
func (l *waitlist) grant(cur *fiber) bool {
	n := l.first
	if n == nil {
		return false
	}
	l.remove(n)
	n.granted = true
	if n.ch != nil {
		close(n.ch)
	} else {
		n.wake(cur)
	}
	return true
}

// wait suspends the caller until n may have been granted, or ctx has ended.
func (n *node) wait(ctx context.Context, f *fiber, on blocker) {
	if n.ch == nil {
		f.parkShort(ctx, on)
		return
	}
	select {
	case <-n.ch:
	case <-ctx.Done():
	}
}

// canWait reports whether the caller may wait; if not, mayWait says why.
func canWait(ctx context.Context, f *fiber) bool {
	return ctx.Err() == nil && (f == nil || f.co != nil && f.co.task.doom() == nil)
}

// mayWait returns the error of a caller that is not to wait. It may suspend the
// task, so no lock is to be held.
func mayWait(ctx context.Context, f *fiber) error {
	switch {
	case f == nil:
		return park.Cause(ctx)
	case f.task() == nil:
		return ErrWouldBlock
	case ctx.Err() != nil || f.co.task.doom() != nil:
		return f.interrupted(ctx)
	}
	return nil
}

// gaveUp returns the error of a caller whose wait ended without a grant.
func gaveUp(ctx context.Context, f *fiber) error {
	if f == nil {
		return park.Cause(ctx)
	}
	return f.interrupted(ctx)
}

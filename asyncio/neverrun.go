package asyncio

import (
	"cmp"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// A call is what coroutines of all types have in common.
type call struct {
	where place
	begun atomic.Bool
	mark  atomic.Pointer[callMark] // nil: not watched
}

// begin reports whether c has neither run nor been given up, and says so from now on.
func (c *call) begin() bool {
	if !c.begun.CompareAndSwap(false, true) {
		return false
	}
	if m := c.mark.Load(); m != nil {
		m.settle()
	}
	return true
}

// A callMark outlives its coroutine and tells whether that ever ran.
type callMark struct {
	where   place
	settled atomic.Bool
	calls   *calls // it is among them; nil: none
	number  int
}

// watch has c reported when it is garbage and has not run, or when the loop of
// cs closes, if cs is not nil.
func (c *call) watch(cs *calls) {
	m := &callMark{where: c.where, calls: cs}
	if cs != nil {
		cs.mu.Lock()
		m.number = cs.count
		cs.count++
		if cs.marks == nil {
			cs.marks = make(map[*callMark]struct{})
		}
		cs.marks[m] = struct{}{}
		cs.mu.Unlock()
	}
	c.mark.Store(m)
	runtime.AddCleanup(c, (*callMark).report, m)
	if c.begun.Load() { // by another goroutine, which may have seen no mark
		m.settle()
	}
}

// settle reports whether m was open until now.
func (m *callMark) settle() bool {
	if !m.settled.CompareAndSwap(false, true) {
		return false
	}
	if m.calls != nil {
		m.calls.mu.Lock()
		delete(m.calls.marks, m)
		m.calls.mu.Unlock()
	}
	return true
}

func (m *callMark) report() {
	if !m.settle() {
		return
	}
	logger := slog.Default()
	if m.calls != nil {
		logger = m.calls.loop.logger()
	}
	logger.Warn("coroutine was never awaited", "coroutine", m.where.name(), "at", m.where.line())
}

// calls are the coroutines that were made on a loop. Most run in the iteration
// that made them, and a cleanup for each would cost more than their tasks: only
// those that are left when it is over get one.
type calls struct {
	loop  *Loop
	fresh []*call // of this iteration; the loop's own
	limit int     // of fresh before it is searched for those that have begun

	mu    sync.Mutex // guards following
	marks map[*callMark]struct{}
	count int
}

// add makes c one of those that were made in this iteration.
func (cs *calls) add(c *call) {
	const least = 1024
	if len(cs.fresh) >= max(least, cs.limit) {
		cs.fresh = slices.DeleteFunc(cs.fresh, func(c *call) bool { return c.begun.Load() })
		cs.limit = 2 * len(cs.fresh)
	}
	cs.fresh = append(cs.fresh, c)
}

// sift watches those that have not begun.
func (cs *calls) sift() {
	for _, c := range cs.fresh {
		if !c.begun.Load() {
			c.watch(cs)
		}
	}
	clear(cs.fresh)
	cs.fresh = cs.fresh[:0]
}

// shrink gives back what a burst took, when it is over.
func (cs *calls) shrink() {
	if cap(cs.fresh) > 1<<12 {
		cs.fresh = nil
	}
}

// flush reports those that never ran, in the order they were made.
func (cs *calls) flush() {
	cs.sift()
	cs.mu.Lock()
	left := make([]*callMark, 0, len(cs.marks))
	for m := range cs.marks {
		left = append(left, m)
	}
	cs.mu.Unlock()
	slices.SortFunc(left, func(a, b *callMark) int { return cmp.Compare(a.number, b.number) })
	for _, m := range left {
		m.report()
	}
}

package asyncio

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
)

// A lostError is an error that nobody has asked for yet. It is reported once:
// when its future is garbage, or when the loop closes.
type lostError struct {
	loop *Loop
	what string // Task or Future
	text string
	err  error

	created string
}

// lostErrors are a loop's. They have a lock of their own, since a garbage
// future may be reported at any time.
type lostErrors struct {
	mu       sync.Mutex // guards following
	all      map[*lostError]int
	count    int
	reported []error // for the error of Run
}

// maxReported bounds the lost errors that the error of Run joins.
const maxReported = 100

// expect makes sure that the error of c, whose owner is its future or task, is
// reported if nobody asks for it.
func (l *Loop) expect(c *futureCore, owner fmt.Stringer) {
	e := &lostError{loop: l, err: c.err(), what: "Future", text: owner.String()}
	if t, ok := owner.(AnyTask); ok {
		e.what, e.created = "Task", t.task().originStack()
		runtime.AddCleanup(t.core(), (*lostError).report, e)
	} else {
		runtime.AddCleanup(c, (*lostError).report, e)
	}
	c.home.mu.Lock()
	defer c.home.mu.Unlock()
	if c.failed.seen { // by another goroutine, already
		return
	}
	c.failed.lost = e
	l.lost.mu.Lock()
	defer l.lost.mu.Unlock()
	if l.lost.all == nil {
		l.lost.all = make(map[*lostError]int)
	}
	l.lost.count++
	l.lost.all[e] = l.lost.count
}

// asked says that somebody saw how c, which is done, ended.
func (c *futureCore) asked() {
	f := c.failed
	if f == nil {
		return
	}
	c.home.mu.Lock()
	defer c.home.mu.Unlock()
	f.seen = true
	if f.lost != nil {
		f.lost.take()
		f.lost = nil
	}
}

// take reports whether e was still to be reported.
func (e *lostError) take() bool {
	lost := &e.loop.lost
	lost.mu.Lock()
	defer lost.mu.Unlock()
	_, ok := lost.all[e]
	delete(lost.all, e)
	return ok
}

func (e *lostError) report() {
	if !e.take() {
		return
	}
	lost := &e.loop.lost
	lost.mu.Lock()
	if len(lost.reported) < maxReported {
		lost.reported = append(lost.reported, fmt.Errorf("%s: %w", e.text, e.err))
	}
	lost.mu.Unlock()
	e.loop.CallExceptionHandler(LoopError{
		Message: e.what + " exception was never retrieved", Err: e.err, Future: e.text, Created: e.created,
	})
}

// flushLost reports what nobody asked for until now, in the order it came.
func (l *Loop) flushLost() {
	l.lost.mu.Lock()
	order := make([]*lostError, 0, len(l.lost.all))
	for e := range l.lost.all {
		order = append(order, e)
	}
	slices.SortFunc(order, func(a, b *lostError) int { return l.lost.all[a] - l.lost.all[b] })
	l.lost.mu.Unlock()
	for _, e := range order {
		e.report()
	}
}

func (l *Loop) logger() *slog.Logger {
	if l.opts.Logger != nil {
		return l.opts.Logger
	}
	return slog.Default()
}

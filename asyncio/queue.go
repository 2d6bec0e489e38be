package asyncio

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
)

// The errors of queues.
var (
	// ErrQueueFull is the error of TryPut without room.
	ErrQueueFull = errors.New("asyncio: queue is full")
	// ErrQueueEmpty is the error of TryGet without an item.
	ErrQueueEmpty = errors.New("asyncio: queue is empty")
	// ErrQueueShutdown is the error of Put after [Queue.Shutdown], and of Get when
	// there is nothing left.
	ErrQueueShutdown = errors.New("asyncio: queue is shut down")
)

// Unbounded is the size of a queue without a limit.
const Unbounded = -1

// A Queue passes items from those that put to those that get. Both wait in the
// order they came. Tasks of all loops and other goroutines may use it together.
//
// Python: asyncio.Queue. Differs: the bound is to be stated; it can be ranged over.
type Queue[T any] struct {
	kind  string
	max   int
	items store[T]

	mu         sync.Mutex // guards following, and items
	unfinished int        // put and not TaskDone yet
	shut       bool
	promised   int // items of getters that were woken
	getters    waitlist
	putters    waitlist
	offered    fifo[T] // what the putters wait to put, in their order
	joiners    waitlist
}

// NewQueue returns a queue for max items, or [Unbounded], first in first out.
func NewQueue[T any](max int) *Queue[T] {
	return newQueue("Queue", max, store[T](&fifo[T]{}))
}

// NewLIFOQueue returns a queue for max items, or [Unbounded], last in first out.
//
// Python: asyncio.LifoQueue.
func NewLIFOQueue[T any](max int) *Queue[T] {
	return newQueue("LifoQueue", max, store[T](&lifo[T]{}))
}

// NewPriorityQueue returns a queue for max items, or [Unbounded], from which the
// least comes first by compare, as of [cmp.Compare]. Equals come in the order
// they were put.
//
// Python: asyncio.PriorityQueue. Differs: equals keep their order.
func NewPriorityQueue[T any](max int, compare func(a, b T) int) *Queue[T] {
	return newQueue("PriorityQueue", max, store[T](&priority[T]{compare: compare}))
}

func newQueue[T any](kind string, max int, items store[T]) *Queue[T] {
	if max == 0 || max < Unbounded {
		panic(fmt.Sprintf("asyncio: %s for %d items; see Unbounded", kind, max))
	}
	return &Queue[T]{kind: kind, max: max, items: items}
}

// room reports whether an item can be put. q.mu is held.
func (q *Queue[T]) room() bool {
	return q.max == Unbounded || q.items.len() < q.max
}

// put adds v and wakes a getter. q.mu is held.
func (q *Queue[T]) put(v T, cur *fiber) {
	q.items.push(v)
	q.unfinished++
	if q.getters.grant(cur) {
		q.promised++
	}
}

// take removes an item. Its place is for the item of the putter that waits
// longest, which is put at once, as in a channel. q.mu is held.
func (q *Queue[T]) take(cur *fiber) T {
	v := q.items.pop()
	if q.putters.grant(cur) {
		q.put(q.offered.pop(), cur)
	}
	return v
}

// Put adds v, and waits while q is full. The error is that of ctx, or
// [ErrQueueShutdown].
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	f := currentOf(ctx)
	q.mu.Lock()
	if err := q.tryPut(v, f); err != ErrQueueFull {
		q.mu.Unlock()
		return err
	}
	if !canWait(ctx, f) {
		q.mu.Unlock()
		return mayWait(ctx, f)
	}
	n := q.putters.join(f)
	q.offered.push(v)
	q.mu.Unlock()
	n.wait(ctx, f, q)
	q.mu.Lock()
	if n.granted {
		refused := n.index == putRefused
		q.mu.Unlock()
		if refused {
			return ErrQueueShutdown
		}
		return nil
	}
	q.offered.remove(q.putters.position(n))
	q.putters.remove(n)
	q.mu.Unlock()
	return gaveUp(ctx, f)
}

// putRefused is the index of the node of a putter that was woken by a shutdown.
const putRefused = -1

// TryPut adds v without waiting. The error is [ErrQueueFull] or [ErrQueueShutdown].
//
// Python: Queue.put_nowait.
func (q *Queue[T]) TryPut(v T) error {
	cur := current()
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tryPut(v, cur)
}

func (q *Queue[T]) tryPut(v T, cur *fiber) error {
	switch {
	case q.shut:
		return ErrQueueShutdown
	case !q.room():
		return ErrQueueFull
	}
	q.put(v, cur)
	return nil
}

// Get removes the next item, and waits while there is none. The error is that of
// ctx, or [ErrQueueShutdown].
func (q *Queue[T]) Get(ctx context.Context) (v T, err error) {
	f := currentOf(ctx)
	q.mu.Lock()
	if v, err = q.tryGet(f); err != ErrQueueEmpty {
		q.mu.Unlock()
		return v, err
	}
	if !canWait(ctx, f) {
		q.mu.Unlock()
		return v, mayWait(ctx, f)
	}
	n := q.getters.join(f)
	q.mu.Unlock()
	n.wait(ctx, f, q)
	q.mu.Lock()
	if !n.granted {
		q.getters.remove(n)
		q.mu.Unlock()
		return v, gaveUp(ctx, f)
	}
	defer q.mu.Unlock()
	q.promised--
	if q.items.len() == 0 {
		return v, ErrQueueShutdown
	}
	return q.take(f), nil
}

// TryGet removes the next item without waiting. The error is [ErrQueueEmpty] or
// [ErrQueueShutdown].
//
// Python: Queue.get_nowait.
func (q *Queue[T]) TryGet() (T, error) {
	cur := current()
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tryGet(cur)
}

func (q *Queue[T]) tryGet(cur *fiber) (v T, err error) {
	switch {
	case q.items.len() > q.promised:
		return q.take(cur), nil
	case q.shut && q.items.len() == 0:
		return v, ErrQueueShutdown
	}
	return v, ErrQueueEmpty
}

// All returns the items as they come, until q is shut down and empty. If ctx
// ends, its error is the last pair. Several loops may range over one queue.
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := q.Get(ctx)
			if err == ErrQueueShutdown || !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// TaskDone says that an item that was got has been worked on. It panics if that
// was said more often than items were put.
func (q *Queue[T]) TaskDone() {
	cur := current()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.unfinished == 0 {
		panic("asyncio: TaskDone called too many times")
	}
	q.unfinished--
	q.finish(cur)
}

// finish wakes the joiners if all is done. q.mu is held.
func (q *Queue[T]) finish(cur *fiber) {
	if q.unfinished == 0 {
		for q.joiners.grant(cur) {
		}
	}
}

// Join waits until TaskDone was called for every item that was put. The error is
// that of ctx.
func (q *Queue[T]) Join(ctx context.Context) error {
	f := currentOf(ctx)
	q.mu.Lock()
	if q.unfinished == 0 {
		q.mu.Unlock()
		return nil
	}
	if !canWait(ctx, f) {
		q.mu.Unlock()
		return mayWait(ctx, f)
	}
	n := q.joiners.join(f)
	q.mu.Unlock()
	n.wait(ctx, f, q)
	q.mu.Lock()
	if n.granted {
		q.mu.Unlock()
		return nil
	}
	q.joiners.remove(n)
	q.mu.Unlock()
	return gaveUp(ctx, f)
}

// Shutdown ends q: Put fails from now on, Get when the items are gone. With
// immediate they are dropped now, and count as done. All that wait are woken.
func (q *Queue[T]) Shutdown(immediate bool) {
	cur := current()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shut = true
	if immediate {
		for q.items.len() > 0 {
			q.items.pop()
			q.unfinished--
		}
		q.finish(cur)
	}
	for q.getters.grant(cur) {
		q.promised++
	}
	for q.putters.first != nil {
		q.putters.first.index = putRefused
		q.putters.grant(cur)
		q.offered.pop()
	}
}

// Len returns how many items are in q.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items.len()
}

// Cap returns how many items fit in q, or [Unbounded].
func (q *Queue[T]) Cap() int { return q.max }

// String returns <Queue maxsize=1 _queue=[1] tasks=1>.
func (q *Queue[T]) String() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := fmt.Sprintf("<%s maxsize=%d", q.kind, max(q.max, 0))
	if q.items.len() > 0 {
		s += " _queue=" + shorten(q.items.String())
	}
	if q.getters.n > 0 {
		s += fmt.Sprintf(" _getters[%d]", q.getters.n)
	}
	if q.putters.n > 0 {
		s += fmt.Sprintf(" _putters[%d]", q.putters.n)
	}
	if q.unfinished > 0 {
		s += fmt.Sprintf(" tasks=%d", q.unfinished)
	}
	if q.shut {
		s += " shutdown"
	}
	return s + ">"
}

package aiohttp

import "container/heap"

// A waiter is a request that waits for a place in flight. Its fields are guarded
// by the Connector's lock until it is granted or failed.
type waiter struct {
	host       *host
	seq        uint64
	wake       func()
	granted    bool
	conn       *conn // granted with the place, or nil
	err        error
	prev, next *waiter
}

// A waiterList is first come, first served, and a waiter can leave it anywhere.
type waiterList struct{ first, last *waiter }

func (l *waiterList) push(w *waiter) {
	w.prev = l.last
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
}

func (l *waiterList) pop() *waiter {
	w := l.first
	if w != nil {
		l.remove(w)
	}
	return w
}

func (l *waiterList) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.prev, w.next = nil, nil
}

// readyHosts is a heap of the hosts that have a waiter and room for it, by the
// waiter's age.
type readyHosts []*host

func (r readyHosts) Len() int           { return len(r) }
func (r readyHosts) Less(i, j int) bool { return r[i].waiters.first.seq < r[j].waiters.first.seq }
func (r readyHosts) Swap(i, j int) {
	r[i], r[j] = r[j], r[i]
	r[i].heapPos, r[j].heapPos = i, j
}

func (r *readyHosts) Push(x any) {
	h := x.(*host)
	h.heapPos = len(*r)
	*r = append(*r, h)
}

func (r *readyHosts) Pop() any {
	old := *r
	h := old[len(old)-1]
	old[len(old)-1] = nil
	*r = old[:len(old)-1]
	h.heapPos = -1
	return h
}

// placeLocked puts h where its waiters and its room say after either changed.
func (c *Connector) placeLocked(h *host) {
	belongs := h.waiters.first != nil && c.hostHasRoomLocked(h)
	switch {
	case !belongs && h.heapPos >= 0:
		// Its first waiter may be gone already; Remove compares only others' once h is last.
		c.ready.drop(h)
	case belongs && h.heapPos < 0:
		heap.Push(&c.ready, h)
	case belongs:
		heap.Fix(&c.ready, h.heapPos)
	}
}

// drop removes h without looking at its waiters.
func (r *readyHosts) drop(h *host) {
	i, last := h.heapPos, len(*r)-1
	r.Swap(i, last)
	r.Pop()
	if i < last {
		heap.Fix(r, i)
	}
}

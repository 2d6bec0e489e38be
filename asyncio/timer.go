package asyncio

import "time"

// A timer is one entry of a loop's timers. It is embedded in what waits for it,
// so that setting one allocates nothing.
type timer struct {
	when time.Duration // on the loop's clock
	due  runnable      // what becomes ready
	gen  uint32        // for a task: which of its waits
	at   int           // its place in the heap plus one; 0: none
}

// timers is a heap of four children a node: equal deadlines leave in the order
// they came in, and any entry can be removed.
type timers struct {
	heap []timerEntry
	seq  uint64
}

type timerEntry struct {
	when time.Duration
	seq  uint64
	t    *timer
}

func (e timerEntry) before(o timerEntry) bool {
	return e.when < o.when || e.when == o.when && e.seq < o.seq
}

func (h *timers) add(t *timer) {
	h.seq++
	h.heap = append(h.heap, timerEntry{})
	h.up(len(h.heap)-1, timerEntry{t.when, h.seq, t})
}

// remove takes t out, and reports whether it was in.
func (h *timers) remove(t *timer) bool {
	if t.at == 0 {
		return false
	}
	i := t.at - 1
	t.at = 0
	last := len(h.heap) - 1
	e := h.heap[last]
	h.heap[last] = timerEntry{}
	h.heap = h.heap[:last]
	if i == last {
		return true
	}
	if i > 0 && e.before(h.heap[(i-1)/4]) {
		h.up(i, e)
	} else {
		h.down(i, e)
	}
	return true
}

// up puts e at i or above.
func (h *timers) up(i int, e timerEntry) {
	for i > 0 {
		p := (i - 1) / 4
		if !e.before(h.heap[p]) {
			break
		}
		h.set(i, h.heap[p])
		i = p
	}
	h.set(i, e)
}

// down puts e at i or below.
func (h *timers) down(i int, e timerEntry) {
	for {
		first := 4*i + 1
		if first >= len(h.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(h.heap)); c++ {
			if h.heap[c].before(h.heap[least]) {
				least = c
			}
		}
		if !h.heap[least].before(e) {
			break
		}
		h.set(i, h.heap[least])
		i = least
	}
	h.set(i, e)
}

func (h *timers) set(i int, e timerEntry) {
	h.heap[i] = e
	e.t.at = i + 1
}

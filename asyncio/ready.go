package asyncio

// A queue is a ring of what is ready.
type queue struct {
	ring []runnable
	head int
	n    int
}

func (q *queue) push(r runnable) {
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = r
	q.n++
}

// front returns what pop would.
func (q *queue) front() runnable { return q.ring[q.head] }

func (q *queue) pop() runnable {
	r := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return r
}

func (q *queue) grow() { q.resize(max(64, 2*len(q.ring))) }

// shrink gives back what a burst took, when it is over.
func (q *queue) shrink() {
	const large = 1 << 14
	if len(q.ring) > large && q.n < len(q.ring)/16 {
		q.resize(large / 4)
	}
}

// resize makes q's ring one of size, a power of two.
func (q *queue) resize(size int) {
	for size < q.n {
		size *= 2
	}
	ring := make([]runnable, size)
	n := copy(ring, q.ring[q.head:min(q.head+q.n, len(q.ring))])
	copy(ring[n:], q.ring[:q.n-n])
	q.ring, q.head = ring, 0
}

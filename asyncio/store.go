package asyncio

import "fmt"

// A store holds the items of a queue.
type store[T any] interface {
	push(T)
	pop() T
	len() int
	String() string
}

// A fifo is a ring.
type fifo[T any] struct {
	ring    []T
	head, n int
}

func (s *fifo[T]) len() int { return s.n }

func (s *fifo[T]) push(v T) {
	if s.n == len(s.ring) {
		bigger := make([]T, max(4, 2*s.n))
		k := copy(bigger, s.ring[s.head:])
		copy(bigger[k:], s.ring[:s.head])
		s.ring, s.head = bigger, 0
	}
	s.ring[(s.head+s.n)&(len(s.ring)-1)] = v
	s.n++
}

func (s *fifo[T]) pop() T {
	var zero T
	v := s.ring[s.head]
	s.ring[s.head] = zero
	s.head = (s.head + 1) & (len(s.ring) - 1)
	s.n--
	return v
}

// remove takes out the item at i.
func (s *fifo[T]) remove(i int) {
	for ; i < s.n-1; i++ {
		*s.at(i) = *s.at(i + 1)
	}
	var zero T
	s.n--
	*s.at(s.n) = zero
}

func (s *fifo[T]) at(i int) *T { return &s.ring[(s.head+i)&(len(s.ring)-1)] }

func (s *fifo[T]) String() string {
	all := make([]T, 0, s.n)
	for i := range s.n {
		all = append(all, *s.at(i))
	}
	return fmt.Sprint(all)
}

type lifo[T any] struct{ items []T }

func (s *lifo[T]) len() int { return len(s.items) }
func (s *lifo[T]) push(v T) { s.items = append(s.items, v) }
func (s *lifo[T]) pop() T {
	var zero T
	last := len(s.items) - 1
	v := s.items[last]
	s.items[last] = zero
	s.items = s.items[:last]
	return v
}
func (s *lifo[T]) String() string { return fmt.Sprint(s.items) }

// A priority is a binary heap that keeps the order of equals.
type priority[T any] struct {
	compare func(a, b T) int
	heap    []ranked[T]
	seq     uint64
}

type ranked[T any] struct {
	v   T
	seq uint64
}

func (s *priority[T]) len() int { return len(s.heap) }

func (s *priority[T]) less(i, j int) bool {
	a, b := s.heap[i], s.heap[j]
	if c := s.compare(a.v, b.v); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

func (s *priority[T]) push(v T) {
	s.seq++
	s.heap = append(s.heap, ranked[T]{v, s.seq})
	for i := len(s.heap) - 1; i > 0 && s.less(i, (i-1)/2); i = (i - 1) / 2 {
		s.swap(i, (i-1)/2)
	}
}

func (s *priority[T]) pop() T {
	v := s.heap[0].v
	last := len(s.heap) - 1
	s.swap(0, last)
	s.heap[last] = ranked[T]{}
	s.heap = s.heap[:last]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
			if s.less(c, least) {
				least = c
			}
		}
		if least == i {
			return v
		}
		s.swap(i, least)
		i = least
	}
}

func (s *priority[T]) swap(i, j int) { s.heap[i], s.heap[j] = s.heap[j], s.heap[i] }

func (s *priority[T]) String() string {
	all := make([]T, len(s.heap))
	for i, r := range s.heap {
		all[i] = r.v
	}
	return fmt.Sprint(all)
}

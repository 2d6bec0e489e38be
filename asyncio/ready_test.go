package asyncio

import "testing"

type numbered int

func (numbered) run(*Loop) {}

// A ready queue keeps its order through bursts, and gives their memory back.
func TestReadyQueue(t *testing.T) {
	var q queue
	next, want := 0, 0
	push := func(n int) {
		for range n {
			q.push(numbered(next))
			next++
		}
	}
	pop := func(n int) {
		for range n {
			if got := q.pop(); got != numbered(want) {
				t.Fatalf("popped %v, want %d", got, want)
			}
			want++
		}
	}
	push(50)
	pop(45)
	push(40) // around the end of the ring
	push(100_000)
	pop(100_000)
	q.shrink()
	if len(q.ring) > 5000 {
		t.Errorf("the ring kept %d places", len(q.ring))
	}
	push(10)
	pop(55)
	if q.n != 0 {
		t.Errorf("%d left", q.n)
	}
}

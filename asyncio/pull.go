package asyncio

import (
	"iter"

	"github.com/quartet-go/quartet/internal/park"
)

// Pull is [iter.Pull] for iterators that wait: in a task, an await inside seq
// suspends the task that called next. (The iterator runs on a goroutine of its
// own, and a plain iter.Pull would block the loop there.)
//
// Call stop if the sequence is left before its end.
func Pull[V any](seq iter.Seq[V]) (next func() (V, bool), stop func()) {
	next2, stop := Pull2(func(yield func(V, struct{}) bool) {
		seq(func(v V) bool { return yield(v, struct{}{}) })
	})
	return func() (V, bool) {
		v, _, ok := next2()
		return v, ok
	}, stop
}

// Pull2 is [Pull] for [iter.Seq2].
func Pull2[K, V any](seq iter.Seq2[K, V]) (next func() (K, V, bool), stop func()) {
	if current().task() == nil {
		return iter.Pull2(seq)
	}
	p := &puller[K, V]{}
	raw, rawStop := iter.Pull(func(yield func(pulled[K, V]) bool) {
		f := &fiber{loop: p.user.loop, co: p.user.co}
		f.yield = func(struct{}) bool { return yield(pulled[K, V]{waits: true}) }
		park.Enter(f)
		defer park.Exit()
		for k, v := range seq {
			if !yield(pulled[K, V]{k: k, v: v}) {
				return
			}
		}
	})
	p.raw, p.rawStop = raw, rawStop
	return p.next, p.stop
}

// A puller passes the waits of an iterator on to the task that pulls.
type puller[K, V any] struct {
	user    *fiber // the goroutine that is in next or stop
	raw     func() (pulled[K, V], bool)
	rawStop func()
}

type pulled[K, V any] struct {
	k     K
	v     V
	waits bool // the iterator waits; there is no value
}

func (p *puller[K, V]) next() (K, V, bool) {
	p.user = current()
	for {
		got, ok := p.raw()
		if !ok || !got.waits {
			return got.k, got.v, ok
		}
		p.user.suspend()
	}
}

func (p *puller[K, V]) stop() {
	p.user = current()
	p.rawStop()
}

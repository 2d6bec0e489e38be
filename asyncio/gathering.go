package asyncio

import (
	"fmt"
	"sync"
)

// A gathering counts futures that are done, and says so in the next iteration.
type gathering struct {
	loop   *Loop
	futs   []*futureCore // what is given twice counts twice
	stop   func(*futureCore) bool
	enough futureCore // done when stop was true of one, or all are
	all    futureCore // done when all are
	off    home       // theirs without a loop

	mu        sync.Mutex // guards following, which are the loop's own if there is one
	left      int
	stoppedBy *futureCore
}

func newGathering[F interface{ core() *futureCore }](cur *fiber, futs []F, stop func(*futureCore) bool) *gathering {
	g := &gathering{stop: stop, left: len(futs), futs: make([]*futureCore, len(futs))}
	at := &g.off
	if cur != nil {
		g.loop = cur.loop
		at = &g.loop.home
	}
	g.enough.home, g.all.home = at, at
	for i, f := range futs {
		g.futs[i] = f.core()
	}
	if g.left == 0 {
		g.enough.state.Store(finished)
		g.all.state.Store(finished)
	}
	g.watch(cur)
	return g
}

// watch has g told. It takes a lock that many futures share once.
func (g *gathering) watch(cur *fiber) {
	for i := 0; i < len(g.futs); {
		c := g.futs[i]
		at := c.home
		at.mu.Lock()
		for c.home == at && !c.isDone() {
			c.add(watcher{n: g, of: uint32(i)})
			if i++; i == len(g.futs) {
				break
			}
			c = g.futs[i]
		}
		at.mu.Unlock()
		if i < len(g.futs) && c.isDone() {
			g.notify(cur, uint32(i))
			i++
		}
	}
}

// forget takes g out of the futures that are not done.
func (g *gathering) forget() {
	for _, c := range g.futs {
		c.remove(func(w watcher) bool { return w.n == notifier(g) })
	}
}

func (g *gathering) notify(cur *fiber, i uint32) {
	switch l := g.loop; {
	case l == nil:
		g.mu.Lock()
		due := g.count(i)
		g.mu.Unlock()
		if due {
			g.settle(cur)
		}
	case !cur.on(l):
		l.postDo(func() { g.notify(&l.fiber, i) })
	case g.count(i):
		l.ready.push(g)
	}
}

// count counts one more, and reports whether that is enough, or all.
func (g *gathering) count(i uint32) bool {
	g.left--
	stops := g.stoppedBy == nil && g.stop(g.futs[i])
	if stops {
		g.stoppedBy = g.futs[i]
	}
	return stops || g.left == 0
}

func (g *gathering) run(l *Loop) { g.settle(&l.fiber) }

func (g *gathering) settle(cur *fiber) {
	g.mu.Lock()
	last := g.left == 0
	g.mu.Unlock()
	if last && g.all.begin() {
		g.all.commit(finished, nil, cur)
	}
	if g.enough.begin() {
		g.enough.commit(finished, nil, cur)
	}
}

// String describes g to those who look for what a task waits for.
func (g *gathering) String() string {
	return fmt.Sprintf("%d of %d futures", g.left, len(g.futs))
}

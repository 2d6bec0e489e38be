package asyncio

import "runtime"

// Who has suspended its task does not always go back to the loop's own goroutine
// to find out what comes next: that takes a switch of stacks there and one from
// there. It makes the step of the next task itself, nested, and goes on with its
// own when that is next. So a task that awaits a new one costs two switches and
// not four, and one that gives an idle loop a turn costs none. The order of steps
// is the same either way.
//
// The goroutines that are in the middle of a nested step form a chain that begins
// with the loop's own. Callbacks, sleep and the making of coros are for that one
// alone: whoever comes upon them gives control back, down the chain.

// maxDepth bounds the chain.
const maxDepth = 8

// next returns the task whose step is next, without waiting. It is nil if the
// loop's own goroutine is to go on. The caller takes the step, or leaves it to
// those below.
func (l *Loop) next() *taskCore {
	if l.still > 0 || l.errand != nil {
		return nil
	}
	if l.chosen != nil {
		return l.chosen
	}
	if l.todo == 0 && !l.roll() {
		return nil
	}
	t, ok := l.ready.front().(*taskCore)
	if !ok {
		return nil
	}
	l.ready.pop()
	l.todo--
	l.chosen = t
	return t
}

// roll begins an iteration if that takes no waiting.
func (l *Loop) roll() bool {
	if l.stops || l.failure != nil {
		return false
	}
	l.collect()
	l.giveWay()
	if l.ready.n == 0 && !l.jump() {
		return false
	}
	l.begin()
	return l.todo > 0
}

// giveWay lets other goroutines run, once before the loop sleeps, if a task waits
// for what they do: that is often about to come.
func (l *Loop) giveWay() {
	if l.ready.n > 0 || l.outside == 0 || l.gaveWay {
		return
	}
	l.gaveWay = true
	runtime.Gosched()
	l.collect()
}

// begin begins an iteration: it is to run what is ready now.
func (l *Loop) begin() {
	l.expire()
	if len(l.calls.fresh) > 0 {
		l.calls.sift()
	}
	l.gaveWay = false
	l.turns++
	l.steps += uint64(l.ready.n)
	l.todo = l.ready.n
}

// take says that the step of t, which was next, begins.
func (l *Loop) take(t *taskCore) {
	l.chosen = nil
	if l.active.Load() != t {
		l.active.Store(t)
	}
	l.dog.alive()
}

// step runs t on c until it suspends or ends.
func (l *Loop) step(t *taskCore, c *coro) {
	l.take(t)
	c.resume()
	if c.task == nil {
		l.putCoro(c)
	}
}

// suspend gives the task of c up until it is to go on. It makes nested steps in
// place, without a function for each part: after a switch of stacks the processor
// predicts every return wrongly, so each frame between caller and switch costs.
func (c *coro) suspend() {
	l := c.loop
	c.parked = true
	for {
		t := l.next()
		if t == nil {
			c.release()
			break
		}
		if t == c.task {
			l.take(t)
			break
		}
		to := l.reachable(t)
		if to == nil {
			c.release()
			break
		}
		c.nesting = true
		l.depth++
		l.take(t)
		to.resume()
		if to.task == nil {
			l.putCoro(to)
		}
		l.depth--
		c.nesting = false
	}
	c.parked = false
}

// reachable returns the coro of t if a nested step can be made of it, else nil.
func (l *Loop) reachable(t *taskCore) *coro {
	if l.depth == maxDepth {
		return nil
	}
	to := t.co.Load()
	switch {
	case to == nil && len(l.idle) > 0:
		to = l.takeCoro()
		to.begin(t)
	case to != nil && to.nesting:
		return nil // it is below
	}
	return to
}

// release gives control back until somebody makes the next step of c's task.
func (c *coro) release() {
	c.yield(struct{}{})
	for c.loop.probe != nil {
		c.loop.probe()
		c.yield(struct{}{})
	}
}

// another makes the next task that of c, whose own has ended, if it has not
// started yet: that takes no switch at all.
func (c *coro) another() bool {
	l := c.loop
	t := l.next()
	if t == nil || t.co.Load() != nil {
		return false
	}
	c.begin(t)
	l.take(t)
	return true
}

// begin gives c a task that has not started.
func (c *coro) begin(t *taskCore) {
	c.task = t
	c.parked = false
	t.co.Store(c)
}

// look calls probe on the goroutine of c, which is suspended. If it is in the
// middle of a nested step, that of the caller is interrupted for it. It does
// nothing if that cannot be: below a task that has just been started eagerly.
func (c *coro) look(probe func()) {
	l := c.loop
	if c.nesting {
		cur := current()
		if l.still > 0 || cur.task() == nil {
			return
		}
		l.errand = func() { c.look(probe) }
		l.errandOf = cur.co.task
		cur.suspend()
		return
	}
	l.probe = probe
	c.resume()
	l.probe = nil
}

// runErrand does what a task asked for, and then goes on with that.
func (l *Loop) runErrand() {
	f := l.errand
	l.errand = nil
	f()
	l.chosen, l.errandOf = l.errandOf, nil
}

package asyncio

import (
	"iter"

	"github.com/quartet-go/quartet/internal/park"
)

// An Engine is how a loop switches between its tasks.
type Engine int

const (
	// EnginePull runs tasks on the coroutines behind [iter.Pull]. It is the
	// default, and the faster one.
	//
	// A task on it must not await between runtime.LockOSThread and
	// UnlockOSThread, nor inside a callback from C: the Go runtime ends the
	// program for that. A loop run by a locked goroutine has the same limit.
	EnginePull Engine = iota
	// EngineHandoff runs each task on a goroutine of its own and hands control
	// over by channels. It is slower and allows locked threads.
	EngineHandoff
)

// String returns the name of e.
func (e Engine) String() string {
	if e == EngineHandoff {
		return "handoff"
	}
	return "pull"
}

// A coro is a goroutine that runs one task after the other, each until it
// suspends or ends. Only one of a loop's coros and its own goroutine runs at a time.
type coro struct {
	fiber
	task *taskCore // nil: idle

	resume func() (struct{}, bool) // runs the goroutine until it yields
	end    func()                  // runs the goroutine to its end

	// About the present wait of its task:
	on        blocker        // what it waits for; nil: nothing
	waitScope *scope         // whose end ends the wait
	fault     *DeadlockError // the wait fails, for this
	timer     timer          // the deadline of a Sleep
	node      node           // the place among those that wait for a lock or the like

	failed  int32 // how many waits ended for nothing
	ending  bool  // the next resume is the last
	gone    bool  // the task called Goexit: good for end only
	parked  bool  // its task is suspended
	nesting bool  // and it makes the step of another one
}

func (l *Loop) newCoro() *coro {
	c := &coro{fiber: fiber{loop: l}}
	c.fiber.co = c
	if l.opts.Engine == EngineHandoff {
		c.startHandoff()
	} else {
		c.startPull()
	}
	c.resume() // it notes who it is, and yields
	return c
}

func (c *coro) startPull() {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		park.Enter(&c.fiber)
		defer park.Exit()
		c.yield = yield
		c.serve()
	})
	c.resume = next
	c.end = stop
}

func (c *coro) startHandoff() {
	in, out := make(chan struct{}, 1), make(chan struct{}, 1)
	exited := make(chan struct{})
	c.yield = func(struct{}) bool {
		out <- struct{}{}
		<-in
		return true
	}
	c.resume = func() (struct{}, bool) {
		in <- struct{}{}
		<-out
		return struct{}{}, true
	}
	c.end = func() {
		in <- struct{}{}
		<-exited
	}
	go func() {
		defer close(exited)
		park.Enter(&c.fiber)
		defer park.Exit()
		<-in
		c.serve()
	}()
}

// serve runs tasks until the coro ends.
func (c *coro) serve() {
	c.id = park.Self()
	c.loop.label()
	for c.yield(struct{}{}); !c.ending; c.yield(struct{}{}) {
		for c.runTask(); c.another(); {
			c.runTask()
		}
	}
}

// runTask runs the body of c's task. A panic ends here. A Goexit cannot be
// stopped, so it is held: the goroutine yields for the last time, and goes on
// with its exit when a goroutine that may be lost resumes it.
func (c *coro) runTask() {
	t := c.task
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			t.panicked(v)
			c.task = nil
			return
		}
		c.gone = true
		t.exited()
		c.task = nil
		c.yield(struct{}{})
	}()
	t.self.call()
	returned = true
	c.task = nil
}

// takeCoro returns an idle coro.
func (l *Loop) takeCoro() *coro {
	if n := len(l.idle); n > 0 {
		c := l.idle[n-1]
		l.idle[n-1] = nil
		l.idle = l.idle[:n-1]
		return c
	}
	return l.newCoro()
}

// maxIdle bounds the coros that wait for another task while the loop has nothing
// to do. While it has, it keeps what a burst of tasks took for the next one.
const maxIdle = 1024

// putCoro takes back a coro whose task has ended.
func (l *Loop) putCoro(c *coro) {
	if c.gone {
		l.exits.Go(c.end)
		return
	}
	l.idle = append(l.idle, c)
}

// trim ends some of the idle coros above keep, and reports whether there were any.
func (l *Loop) trim(keep int) bool {
	const some = 256
	n := len(l.idle)
	if n <= keep {
		return false
	}
	for range min(some, n-keep) {
		l.takeCoro().finish()
	}
	if len(l.idle) <= cap(l.idle)/4 {
		l.idle = append([]*coro(nil), l.idle...)
	}
	return true
}

// finish ends the goroutine of c, which is idle.
func (c *coro) finish() {
	c.ending = true
	c.end()
}

package multiprocessing

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

// Callbacks runs the callbacks of one executor's results, one at a time, in the
// order in which the results arrived. Only who writes an [Executor] needs it; the
// zero value is ready to use.
//
// A callback of a result that a task of an event loop asked for runs on that
// loop; all others run on a goroutine that exists while there are some.
type Callbacks struct {
	mu      sync.Mutex // guards following
	queue   []func()
	running bool
	idle    []func() // to be called when nothing is left

	lastWatch atomic.Pointer[ctxWatch] // of the ctx that was used last

	inside sync.Map // park.Parker of a goroutine that runs a callback → nil
}

// A poster is a loop that runs functions. Post returns false if it will not,
// because the loop is closed; what it took it runs, or drops only with a call of
// dropped.
type poster interface {
	Post(f func(), dropped func()) bool
}

// run has f called as a callback: on the loop if there is one, else on the
// goroutine for callbacks.
func (c *Callbacks) run(loop poster, f func()) {
	if loop != nil && loop.Post(func() { c.call(f) }, func() { c.add(f) }) {
		return
	}
	c.add(f)
}

func (c *Callbacks) add(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, f)
	if !c.running {
		c.running = true
		go c.loop()
	}
}

func (c *Callbacks) loop() {
	done := false
	defer func() {
		if !done { // a callback ended this goroutine
			go c.loop()
		}
	}()
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.running, done = false, true
			idle := c.idle
			c.idle = nil
			c.mu.Unlock()
			for _, wake := range idle {
				wake()
			}
			return
		}
		f := c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		c.mu.Unlock()
		c.call(f)
	}
}

// call runs f on this goroutine, known as one that runs a callback.
func (c *Callbacks) call(f func()) {
	me := park.Current()
	if me == nil {
		me = &ordinary{}
		park.Enter(me)
		defer park.Exit()
	}
	c.inside.Store(me, nil)
	defer c.inside.Delete(me)
	f()
}

// onIt reports whether the calling goroutine runs one of c's callbacks.
func (c *Callbacks) onIt() bool {
	me := park.Current()
	if me == nil {
		return false
	}
	_, ok := c.inside.Load(me)
	return ok
}

// wait waits until no callback is left to run.
func (c *Callbacks) wait(ctx context.Context) error {
	return park.Wait(ctx, func(wake func()) {
		c.mu.Lock()
		if c.running {
			c.idle = append(c.idle, wake)
			wake = nil
		}
		c.mu.Unlock()
		if wake != nil {
			wake()
		}
	})
}

// ordinary is the Parker of a goroutine that blocks as goroutines do and only
// has to be told from others.
type ordinary struct{ _ byte }

func (*ordinary) Park(ctx context.Context, arm func(wake func())) error {
	return park.Block(ctx, arm)
}

// protect calls f, and then with its error, which is a [*panicError] if f did not
// return. then is called also if f ends its goroutine; nothing after protect is.
func protect(f func() error, then func(error)) {
	var err error
	returned := false
	defer func() {
		if !returned {
			err = recoveredPanic(recover())
		}
		then(err)
	}()
	err = f()
	returned = true
}

// recoveredPanic makes an error of what recover returned, in a deferred function
// that knows that the function did not return.
func recoveredPanic(r any) *panicError {
	if r == nil {
		r = errGoexit
	}
	return &panicError{value: r, stack: string(debug.Stack())}
}

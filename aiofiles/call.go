package aiofiles

import (
	"context"
	"runtime"
	"sync"

	"github.com/quartet-go/quartet/internal/park"
)

// inPlace reports whether a blocking call may run on the calling goroutine: it is
// no task's, and nothing can ask for the call to be given up.
func inPlace(ctx context.Context) bool {
	return park.Current() == nil && ctx.Done() == nil
}

// A job is a call that a helper runs, so that it can be given up.
//
// A helper is a goroutine that holds one place of a limiter. It lives as long as
// jobs wait for a place: many short calls made at once need few goroutines.
type job struct {
	work  work
	lim   *Limiter
	place waiter

	mu    sync.Mutex // guards following
	state jobState
	wake  func()
}

// work is what a job does, and what is to be done after it if the job was left.
type work interface {
	do()
	disown()
}

// funcs is work of two functions.
type funcs struct{ f, late func() }

func (w funcs) do() { w.f() }

func (w funcs) disown() {
	if w.late != nil {
		w.late()
	}
}

type jobState int

const (
	pending jobState = iota
	finished
	left    // given up while it runs, or is about to
	dropped // given up before its turn: it never runs
)

// newJob returns a job that runs f once it is submitted. After f, if the job was
// left, late runs if it is not nil.
func newJob(lim *Limiter, f, late func()) *job {
	j := &job{}
	j.init(lim, funcs{f, late})
	return j
}

func (j *job) init(lim *Limiter, w work) { j.work, j.lim, j.place.job = w, lim, j }

// submit has j run when there is a place.
func (j *job) submit() {
	if j.lim.gate.try() {
		j.start()
	} else {
		j.lim.gate.enqueue(&j.place)
	}
}

// start gives a job the place that the caller has.
func (j *job) start() {
	j.place.granted = true
	go j.help()
}

// yieldEvery is how many jobs a helper runs before it lets others have the
// processor: those who wait for the jobs.
const yieldEvery = 8

// help runs j, then those that wait for the place it has.
func (j *job) help() {
	for n := 1; j != nil; n++ {
		j.work.do()
		wake, gone := j.end()
		if gone {
			j.work.disown() // within the limit, since it may block as well
		}
		next := j.lim.gate.releaseTo()
		if wake != nil {
			wake()
		}
		if j = next; n%yieldEvery == 0 {
			runtime.Gosched()
		}
	}
}

// end says that the work is done: wake is to be called for the caller, unless it is
// gone.
func (j *job) end() (wake func(), gone bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state == left {
		return nil, true
	}
	j.state = finished
	return j.wake, false
}

// wait waits until the job is done, or until ctx ends.
func (j *job) wait(ctx context.Context) error {
	return park.Wait(ctx, func(wake func()) {
		j.mu.Lock()
		done := j.state == finished
		j.wake = wake
		j.mu.Unlock()
		if done {
			wake()
		}
	})
}

// begun reports whether the job had its turn.
func (j *job) begun() bool {
	j.lim.gate.mu.Lock()
	defer j.lim.gate.mu.Unlock()
	return j.place.granted
}

// leave gives the job up and tells what becomes of it.
func (j *job) leave() jobState {
	waits := j.lim.gate.forget(&j.place)
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case waits:
		j.state = dropped
	case j.state == pending:
		j.state = left
	}
	return j.state
}

// run makes one blocking call within lim: in place where that is allowed, else on
// a helper, so that ctx can end it. What f returns must be its own: when ctx ends
// first, run returns the cause at once and late gets the result when there is one.
func run[T any](ctx context.Context, lim *Limiter, f func() (T, error), late func(T)) (T, error) {
	v, _, err := runLeft(ctx, lim, f, late)
	return v, err
}

// runLeft is run that tells what became of f.
func runLeft[T any](ctx context.Context, lim *Limiter, f func() (T, error), late func(T)) (v T, state jobState, err error) {
	if err := park.Cause(ctx); err != nil {
		return v, dropped, err
	}
	if inPlace(ctx) {
		if err := lim.gate.acquire(ctx); err != nil {
			return v, dropped, err
		}
		defer lim.gate.release()
		v, err = f()
		return v, finished, err
	}
	c := &call[T]{f: f, late: late}
	c.init(lim, c)
	c.submit()
	if err := c.wait(ctx); err != nil {
		if state := c.leave(); state != finished {
			return v, state, err
		}
	}
	return c.v, finished, c.err
}

// call is the job of [run].
type call[T any] struct {
	job
	f    func() (T, error)
	late func(T)
	v    T
	err  error
}

func (c *call[T]) do() { c.v, c.err = c.f() }

func (c *call[T]) disown() {
	if c.err == nil && c.late != nil {
		c.late(c.v)
	}
}

// runSurely is run for what has to be done in any case, as closing. When ctx ends
// before its turn in lim has come, f runs as soon as that comes.
func runSurely(ctx context.Context, lim *Limiter, f func() error) error {
	_, state, err := runLeft(ctx, lim, func() (struct{}, error) { return struct{}{}, f() }, nil)
	if state == dropped {
		newJob(lim, func() { f() }, nil).submit()
	}
	return err
}

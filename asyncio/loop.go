package asyncio

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// LoopOptions configures a [Loop]. A nil pointer or a zero field means the default.
type LoopOptions struct {
	// Engine is how the loop switches between tasks. Default: [EnginePull].
	Engine Engine
	// Logger gets the errors that nobody asked for. Default: [slog.Default].
	Logger *slog.Logger
	// Threads bounds the goroutines of [ToThread]. Default: 64.
	Threads int
	// Clock is the loop's time. Default: the real one.
	Clock *VirtualClock
	// Watchdog is how long a task or callback may hold the loop before the log
	// names its line. Default: 100ms, none with a Clock. Negative: no watchdog.
	Watchdog time.Duration
	// Debug makes tasks remember where they were created, and logs steps that
	// took longer than SlowStep.
	Debug bool
	// SlowStep is for Debug. Default: 100ms.
	SlowStep time.Duration
	// EagerTasks makes tasks that are created on the loop start at once; see [GoEager].
	EagerTasks bool
	// Hooks are called at each step. Default: none.
	Hooks *Hooks
	// ExceptionHandler is told what went wrong where nobody waits for it, and may
	// be called from any goroutine. Default: [Loop.DefaultExceptionHandler].
	ExceptionHandler func(*Loop, LoopError)
	// Grace is how long a closing loop lets cancelled tasks clean up before it
	// ends them at their next await. Default: 10s. Negative: at once.
	Grace time.Duration
}

func (o *LoopOptions) withDefaults() LoopOptions {
	var opts LoopOptions
	if o != nil {
		opts = *o
	}
	if opts.Threads <= 0 {
		opts.Threads = 64
	}
	if opts.Grace == 0 {
		opts.Grace = 10 * time.Second
	}
	if opts.Watchdog == 0 {
		opts.Watchdog = 100 * time.Millisecond
	}
	if opts.SlowStep <= 0 {
		opts.SlowStep = 100 * time.Millisecond
	}
	if opts.Hooks != nil || opts.Debug {
		opts.Hooks = orEmpty(opts.Hooks)
	}
	return opts
}

// orEmpty returns a copy of *p, or of the zero value for nil.
func orEmpty[T any](p *T) *T {
	var v T
	if p != nil {
		v = *p
	}
	return &v
}

// A Loop runs tasks and callbacks, one at a time, in the order in which they
// became ready. It owns no goroutine: whoever calls [RunUntilComplete] or
// [Loop.RunForever] lends it theirs. Most programs need no more than [Run].
//
// Python: asyncio.AbstractEventLoop.
type Loop struct {
	home
	opts LoopOptions
	root scope // the ctx above all tasks

	ready    queue
	todo     int       // how many of ready this iteration is to run
	chosen   *taskCore // out of ready: its step is next
	gaveWay  bool      // since the last iteration began
	depth    int       // goroutines in the middle of a nested step
	still    int       // if positive, whoever suspends gives control back at once
	errand   func()    // what the loop's goroutine is to do, alone, for errandOf
	probe    func()    // what a suspended goroutine is to do before it suspends again
	errandOf *taskCore
	timers   timers
	idle     []*coro
	quiet    []waiter // tasks in WaitAllBlocked
	steps    uint64
	turns    uint64
	stops    bool  // the loop is to end after this iteration
	failure  error // a panic: all tasks are doomed
	outside  int   // tasks that wait for what is not the loop's
	fiber    fiber // the loop's own goroutine
	alarm    *time.Timer
	base     time.Time
	exits    sync.WaitGroup // coros that end behind the loop's back
	threads  *Executor
	signals  signals
	dog      *watchdog
	id       int64
	labels   context.Context
	// searched is set when a deadlock was looked for and nothing has happened since.
	searched bool
	lost     lostErrors
	calls    calls

	active  atomic.Pointer[taskCore] // whose step runs, or ran last
	runMu   sync.Mutex               // guards changes of running
	running atomic.Bool
	asleep  atomic.Bool // a poster must wake the loop
	wake    chan struct{}

	closed  atomic.Bool
	mail    mail
	runner  atomic.Uint64 // the identity of the goroutine that runs it
	visitMu sync.Mutex    // held where a visit is accepted, and where running ends

	// home's lock guards following, the scopes below root, and the futures of l.
	created     int
	first, last *taskCore // all tasks that are not done
}

// NewLoop returns a loop that does not run yet. Close it when it is no longer needed.
//
// Python: asyncio.new_event_loop.
func NewLoop(opts *LoopOptions) *Loop {
	return newLoop(context.Background(), opts)
}

func newLoop(ctx context.Context, opts *LoopOptions) *Loop {
	l := &Loop{opts: opts.withDefaults(), base: time.Now(), wake: make(chan struct{}, 1)}
	if l.opts.Hooks != nil {
		l.still = 1 // a nested step would count as part of the one around it
	}
	l.home.loop = l
	l.fiber.loop = l
	l.calls.loop = l
	l.id = loopNumbers.Add(1)
	if l.opts.Clock != nil {
		l.opts.Clock.serve(l)
	}
	l.threads = NewExecutor(l.opts.Threads)
	l.root.init(l, nil, ctx)
	return l
}

// RunningLoop returns the loop that the calling goroutine belongs to: that of
// its task, or the one that runs the callback. Otherwise the error is [ErrNoRunningLoop].
//
// Python: asyncio.get_running_loop.
func RunningLoop() (*Loop, error) {
	if f := current(); f != nil {
		return f.loop, nil
	}
	return nil, ErrNoRunningLoop
}

// IsRunning reports whether l runs.
func (l *Loop) IsRunning() bool { return l.running.Load() }

// IsClosed reports whether l was closed.
func (l *Loop) IsClosed() bool { return l.closed.Load() }

// Stop makes l end its run after the callbacks and tasks that are ready now.
// Called before the run, it makes that run one iteration long. It may be called
// from any goroutine.
func (l *Loop) Stop() {
	l.CallSoon(func() { l.stops = true })
}

// turn is one iteration: it waits until something is ready, and runs what was
// ready then. Tasks may have begun more of them when it returns; see next.
func (l *Loop) turn() {
	l.wait()
	l.begin()
	for l.todo > 0 || l.chosen != nil {
		if t := l.next(); t != nil {
			t.run(l)
			if l.errand != nil {
				l.runErrand()
			}
			continue
		}
		l.todo--
		l.ready.pop().run(l)
	}
}

// wait waits until something is ready.
func (l *Loop) wait() {
	l.collect()
	l.giveWay()
	if l.ready.n == 0 && !l.stops && !l.trim(maxIdle) {
		l.ready.shrink()
		l.calls.shrink()
		l.sleep()
		l.collect()
	}
}

// expire makes ready what is due.
func (l *Loop) expire() {
	if len(l.timers.heap) == 0 {
		return
	}
	now := l.Time()
	for len(l.timers.heap) > 0 && l.timers.heap[0].when <= now {
		tm := l.timers.heap[0].t
		l.timers.remove(tm)
		if t, ok := tm.due.(*taskCore); ok {
			t.wakeNow(tm.gen)
			continue
		}
		l.ready.push(tm.due)
	}
}

// mine reports whether the calling goroutine is one of l's.
func (l *Loop) mine() bool {
	id := park.Self()
	t := l.active.Load()
	if t == nil {
		return uint64(id) == l.runner.Load() || current().on(l)
	}
	c := t.co.Load()
	return c != nil && c.id == id || current().on(l)
}

// enter makes the calling goroutine the one that runs l.
func (l *Loop) enter() error {
	if l.IsClosed() {
		return ErrLoopClosed
	}
	l.runMu.Lock()
	defer l.runMu.Unlock()
	if !l.running.CompareAndSwap(false, true) {
		return ErrLoopRunning
	}
	park.Enter(&l.fiber)
	l.runner.Store(uint64(park.Self()))
	l.startWatchdog()
	return nil
}

// leave undoes enter.
func (l *Loop) leave() {
	if l.dog != nil {
		l.dog.stop()
		l.dog = nil
	}
	l.runner.Store(0)
	park.Exit()
	if l.alarm != nil {
		l.alarm.Stop()
		l.alarm = nil
	}
	l.runMu.Lock()
	defer l.runMu.Unlock()
	l.halt()
}

// fail makes l end, after the other tasks have unwound, with a panic with err.
func (l *Loop) fail(err *PanicError) {
	if l.failure == nil {
		l.failure = err
	}
}

// enroll adds t to the tasks of l, below ctx.
func (l *Loop) enroll(t *taskCore, ctx context.Context) {
	up := t.ctx.place(l, t, ctx)
	if up != nil && up.tree == &l.mu {
		l.mu.Lock()
		ended := t.ctx.attach(up)
		l.list(t)
		l.mu.Unlock()
		if ended != nil {
			t.ctx.end(ended)
		}
		return
	}
	t.ctx.init(l, t, ctx)
	l.mu.Lock()
	l.list(t)
	l.mu.Unlock()
}

// leave takes t, which is done, out of its loop. What is to be done without the
// lock, which is held, is returned, most often nothing.
func (t *taskCore) leave() (after func()) {
	t.ctx.loop.unlist(t)
	if t.ctx.tree == &t.ctx.loop.mu {
		return t.ctx.close()
	}
	return t.ctx.finish
}

// list appends t to the tasks of l. The lock is held.
func (l *Loop) list(t *taskCore) {
	l.created++
	t.num = l.created
	t.prev = l.last
	if l.last != nil {
		l.last.next = t
	} else {
		l.first = t
	}
	l.last = t
}

// unlist undoes list. The lock is held.
func (l *Loop) unlist(t *taskCore) {
	switch {
	case t.prev != nil:
		t.prev.next = t.next
	case l.first == t:
		l.first = t.next
	default:
		return
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		l.last = t.prev
	}
	t.prev, t.next = nil, nil
}

// AllTasks returns the tasks of l that are not done, in the order of creation.
// It may be called from any goroutine.
//
// Python: asyncio.all_tasks.
func (l *Loop) AllTasks() []AnyTask {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []AnyTask
	for t := l.first; t != nil; t = t.next {
		all = append(all, t.self)
	}
	return all
}

package asyncio

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
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
	opts LoopOptions
	root scope // the ctx above all tasks

	ready   queue
	timers  timers
	idle    []*coro
	quiet   []waiter // tasks in WaitAllBlocked
	steps   uint64
	turns   uint64
	stops   bool  // the loop is to end after this iteration
	failure error // a panic: all tasks are doomed
	outside int   // tasks that wait for what is not the loop's
	fiber   fiber // the loop's own goroutine
	alarm   *time.Timer
	base    time.Time
	exits   sync.WaitGroup // coros that end behind the loop's back
	threads *Executor
	signals signals
	dog     *watchdog
	id      int64
	labels  context.Context
	// searched is set when a deadlock was looked for and nothing has happened since.
	searched bool
	lost     lostErrors

	created atomic.Int64             // tasks
	active  atomic.Pointer[taskCore] // whose step runs, or ran last
	runMu   sync.Mutex               // guards changes of running
	running atomic.Bool
	asleep  atomic.Bool // a poster must wake the loop
	posted  atomic.Bool // posts is not empty
	wake    chan struct{}

	closed atomic.Bool // set under postMu
	postMu sync.Mutex  // guards following
	posts  []post
	spare  []post

	tasksMu     sync.Mutex // guards following
	first, last *taskCore  // all tasks that are not done
}

// A post is what another goroutine wants of a loop.
type post struct {
	t     *taskCore // wake it
	gen   uint64
	start bool     // t is new
	h     *Handle  // call it, now or at its time
	drop  *Handle  // forget its timer
	ended *scope   // wake its owner
	r     runnable // run it
}

// NewLoop returns a loop that does not run yet. Close it when it is no longer needed.
//
// Python: asyncio.new_event_loop.
func NewLoop(opts *LoopOptions) *Loop {
	return newLoop(context.Background(), opts)
}

func newLoop(ctx context.Context, opts *LoopOptions) *Loop {
	l := &Loop{opts: opts.withDefaults(), base: time.Now(), wake: make(chan struct{}, 1)}
	l.fiber.loop = l
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

// post hands p to the loop, and reports whether the loop is there to take it.
func (l *Loop) post(p post) bool {
	l.postMu.Lock()
	if l.closed.Load() {
		l.postMu.Unlock()
		return false
	}
	l.posts = append(l.posts, p)
	l.posted.Store(true)
	l.postMu.Unlock()
	if l.asleep.Load() && l.asleep.CompareAndSwap(true, false) {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// collect takes what was posted.
func (l *Loop) collect() {
	if !l.posted.Load() {
		return
	}
	l.postMu.Lock()
	posts := l.posts
	l.posts = l.spare[:0]
	l.posted.Store(false)
	l.postMu.Unlock()
	for i := range posts {
		l.receive(&posts[i])
	}
	clear(posts)
	l.spare = posts
}

func (l *Loop) receive(p *post) {
	switch {
	case p.start:
		p.t.doom = l.failure
		l.ready.push(p.t)
	case p.t != nil:
		p.t.wakeNow(p.gen)
	case p.drop != nil:
		l.timers.remove(&p.drop.timer)
	case p.ended != nil:
		l.scopeEnded(p.ended)
	case p.r != nil:
		l.ready.push(p.r)
	case p.h.timed:
		if p.h.state.Load() == handleWaits {
			l.timers.add(&p.h.timer)
		}
	default:
		l.ready.push(p.h)
	}
}

// scopeEnded wakes the owner of s, if it waits for as long as s lasts.
func (l *Loop) scopeEnded(s *scope) {
	if !current().on(l) {
		l.post(post{ended: s})
		return
	}
	if c := s.owner.co.Load(); c != nil && c.waitScope == s {
		s.owner.wakeNow(s.owner.gen)
	}
}

// turn is one iteration: it waits until something is ready, and runs what was
// ready then.
func (l *Loop) turn() {
	l.collect()
	if l.ready.n == 0 && l.outside > 0 {
		runtime.Gosched() // what a task waits for is often about to come
		l.collect()
	}
	if l.ready.n == 0 && !l.stops {
		l.sleep()
		l.collect()
	}
	l.expire()
	l.turns++
	l.steps += uint64(l.ready.n)
	l.ready.shrink()
	for n := l.ready.n; n > 0; n-- {
		r := l.ready.pop()
		if t, ok := r.(*taskCore); ok && l.opts.Hooks == nil {
			// What t.run does, without the frames between here and there.
			c := t.co.Load()
			if c == nil {
				c = l.takeCoro()
				c.task = t
				t.co.Store(c)
			}
			l.active.Store(t)
			l.dog.alive()
			c.parked = false
			c.resume()
			c.parked = true
			if c.task == nil {
				l.putCoro(c)
			}
			continue
		}
		r.run(l)
	}
}

// sleep waits for a post or the first deadline.
func (l *Loop) sleep() {
	left := time.Duration(-1)
	if len(l.timers.heap) > 0 {
		when := l.timers.heap[0].when
		if left = when - l.Time(); left <= 0 {
			return
		}
		if len(l.quiet) == 0 && l.outside == 0 && l.opts.Clock != nil && !l.posted.Load() && l.opts.Clock.jump(when) {
			return
		}
	}
	if len(l.quiet) > 0 {
		l.wakeQuiet()
		return
	}
	if h := l.opts.Hooks; h != nil {
		if h.BeforeSleep != nil {
			h.BeforeSleep(left)
		}
		if h.AfterSleep != nil {
			defer h.AfterSleep()
		}
	}
	l.doze(left)
}

// doze waits for a post, at most for left if that is not negative.
func (l *Loop) doze(left time.Duration) {
	var alarm <-chan time.Time
	lookAfter := false
	switch {
	case l.opts.Clock != nil:
		if lookAfter = l.mayDeadlock(); lookAfter {
			alarm = l.setAlarm(deadlockAfterVirtual)
		}
	case left >= 0:
		alarm = l.setAlarm(left)
	default:
		if lookAfter = l.mayDeadlock(); lookAfter {
			alarm = l.setAlarm(deadlockAfter)
		}
	}
	l.asleep.Store(true)
	if l.posted.Load() {
		l.asleep.Store(false)
		return
	}
	if alarm == nil {
		<-l.wake // cheaper than a select
		l.searched = false
	} else {
		select {
		case <-l.wake:
			l.searched = false
		case <-alarm:
			if lookAfter {
				l.breakDeadlock()
			}
		}
	}
	l.asleep.Store(false)
	l.dog.awake()
}

// wakeQuiet ends the waits of WaitAllBlocked.
func (l *Loop) wakeQuiet() {
	quiet := l.quiet
	l.quiet = nil
	for _, w := range quiet {
		w.t.wakeNow(w.gen)
	}
}

// WaitAllBlocked suspends the task until all other tasks of its loop wait, and
// nothing is left to run before the next deadline or what comes from outside. It
// is for tests.
//
// trio: testing.wait_all_tasks_blocked.
func WaitAllBlocked(ctx context.Context) error {
	f := currentOf(ctx)
	if f == nil {
		return ErrNoRunningLoop
	}
	if err := mayWait(ctx, f); err != nil {
		return err
	}
	l := f.loop
	w := f.co.task.wait()
	l.quiet = append(l.quiet, w)
	f.park(ctx, allBlocked)
	if i := slices.Index(l.quiet, w); i >= 0 {
		l.quiet = slices.Delete(l.quiet, i, i+1)
		return f.interrupted(ctx)
	}
	return nil
}

func (l *Loop) setAlarm(d time.Duration) <-chan time.Time {
	if l.alarm == nil {
		l.alarm = time.NewTimer(d)
	} else {
		l.alarm.Reset(d)
	}
	return l.alarm.C
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
	l.startWatchdog()
	return nil
}

// leave undoes enter.
func (l *Loop) leave() {
	if l.dog != nil {
		l.dog.stop()
		l.dog = nil
	}
	park.Exit()
	if l.alarm != nil {
		l.alarm.Stop()
		l.alarm = nil
	}
	l.runMu.Lock()
	defer l.runMu.Unlock()
	l.running.Store(false)
}

// fail makes l end, after the other tasks have unwound, with a panic with err.
func (l *Loop) fail(err *PanicError) {
	if l.failure == nil {
		l.failure = err
	}
}

// enroll adds t to the tasks of l, unless l is closed.
func (l *Loop) enroll(t *taskCore) bool {
	if l.IsClosed() {
		return false
	}
	l.tasksMu.Lock()
	defer l.tasksMu.Unlock()
	t.prev = l.last
	if l.last != nil {
		l.last.next = t
	} else {
		l.first = t
	}
	l.last = t
	return true
}

// dismiss takes t out.
func (l *Loop) dismiss(t *taskCore) {
	l.tasksMu.Lock()
	defer l.tasksMu.Unlock()
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
	l.tasksMu.Lock()
	defer l.tasksMu.Unlock()
	var all []AnyTask
	for t := l.first; t != nil; t = t.next {
		all = append(all, t.self)
	}
	return all
}

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

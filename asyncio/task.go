package asyncio

import (
	"context"
	"errors"
	"runtime/debug"
	"strconv"
	"sync/atomic"
)

// A Task runs a function on a loop. Tasks of one loop take turns: between two
// of its awaits a task has the loop for itself, and what only tasks of that
// loop touch needs no lock.
//
// A task whose function panics ends the loop; see [PanicError].
//
// Python: asyncio.Task.
type Task[T any] struct {
	taskCore
	fut Future[T]
	fn  body[T]
}

// AnyTask is a [*Task] of any type.
type AnyTask interface {
	Name() string
	SetName(string)
	Done() bool
	Cancelled() bool
	Cancel(cause error) bool
	Err() error
	String() string

	call()
	complete(error, *fiber)
	core() *futureCore
	task() *taskCore
}

// A taskCore is what tasks of all types have in common. It is the loop's own,
// but where told otherwise.
type taskCore struct {
	ctx   scope
	self  AnyTask
	co    atomic.Pointer[coro] // where it runs or ran; nil before the first step
	where place
	num   int
	more  atomic.Pointer[taskMore]

	gen       uint32 // the number of its waits
	waiting   bool   // wait gen has not been ended
	suspended bool   // it gave its goroutine up for wait gen
	fate      fate

	prev, next *taskCore // among the loop's tasks, guarded by loop.mu
}

// A taskMore is what few tasks have.
type taskMore struct {
	doom   error      // all its waits fail, for this
	origin *[]uintptr // where it was created, in debug mode
	name   atomic.Pointer[string]
}

// A fate is an end that few tasks have.
type fate uint8

const (
	returns fate = iota
	toKill       // its next wait ends it
	killed       // that was so
	exited       // its function called runtime.Goexit
)

// extra returns t.more, which it makes if need be.
func (t *taskCore) extra() *taskMore {
	if t.more.Load() == nil {
		t.more.CompareAndSwap(nil, new(taskMore))
	}
	return t.more.Load()
}

// doom returns why all waits of t fail, or nil.
func (t *taskCore) doom() error {
	if m := t.more.Load(); m != nil {
		return m.doom
	}
	return nil
}

// doomWith makes all waits of t fail with err.
func (t *taskCore) doomWith(err error) { t.extra().doom = err }

// errTaskFinished is the cause of the ctx of a task that has finished.
var errTaskFinished = errors.New("asyncio: task has finished")

// CreateTask makes a task of l of c. The task starts soon, in the order of
// creation; it ends with l at the latest. It may be called from any goroutine.
//
// If c ran before, the task fails with [ErrCoroutineReused]; if l is closed,
// with [ErrLoopClosed].
//
// Python: loop.create_task.
func CreateTask[T any](l *Loop, c *Coroutine[T]) *Task[T] {
	return createTask(&l.root, l, c)
}

func createTask[T any](ctx context.Context, l *Loop, c *Coroutine[T]) *Task[T] {
	fn, err := c.take()
	if err != nil {
		return failedTask[T](l, c.where, err)
	}
	return newTask(l, ctx, fn, c.where)
}

// Go makes a task of the running loop that calls f. The ctx of f is derived
// from ctx: it has its values, and ends when ctx does. Go does not wait.
//
// From a goroutine that is not the loop's, the loop is the one that ctx comes
// from. Go panics with [ErrNoRunningLoop] if there is none.
//
// Python: asyncio.create_task. Differs: cancelling a task cancels the tasks it
// made with its ctx.
func Go[T any](ctx context.Context, f func(context.Context) (T, error)) *Task[T] {
	cur := currentOf(ctx)
	l := loopOf(cur, ctx)
	if l == nil {
		panic(ErrNoRunningLoop)
	}
	where := placeOf(f)
	if where == 0 {
		panic("asyncio: task of a nil function")
	}
	return newTaskBy(cur, l, ctx, function[T](f), where)
}

// loopOf returns the loop of the calling goroutine, else that of ctx.
func loopOf(cur *fiber, ctx context.Context) *Loop {
	if cur != nil {
		return cur.loop
	}
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s.loop
	}
	return nil
}

func (t *Task[T]) init(l *Loop, where place) {
	t.self, t.where = t, where
	t.fut.home, t.fut.futureCore.task = &l.home, &t.taskCore
}

func newTask[T any](l *Loop, ctx context.Context, fn body[T], where place) *Task[T] {
	return newTaskBy(currentOf(ctx), l, ctx, fn, where)
}

// newTaskBy is newTask for a caller whose fiber is cur.
func newTaskBy[T any](cur *fiber, l *Loop, ctx context.Context, fn body[T], where place) *Task[T] {
	t := new(Task[T])
	t.prepare(l, ctx, fn, where)
	l.launch(&t.taskCore, cur, l.opts.EagerTasks)
	return t
}

// prepare makes t, a zero one, a task of l of fn that has not been launched.
func (t *Task[T]) prepare(l *Loop, ctx context.Context, fn body[T], where place) {
	t.init(l, where)
	t.fn = fn
	l.enroll(&t.taskCore, ctx)
	t.noteOrigin()
}

// launch makes t start: soon, or now if eager. cur is the fiber of the caller.
func (l *Loop) launch(t *taskCore, cur *fiber, eager bool) {
	if l.IsClosed() {
		t.finish(ErrLoopClosed, cur)
		return
	}
	if h := l.opts.Hooks; h != nil && h.TaskCreated != nil {
		h.TaskCreated(t.self)
	}
	if !cur.on(l) {
		if !l.postDo(func() {
			l.admit(t)
			l.ready.push(t)
		}) {
			t.finish(ErrLoopClosed, cur)
		}
		return
	}
	l.admit(t)
	if eager {
		outer := l.active.Load()
		l.still++
		t.run(l)
		l.still--
		l.active.Store(outer)
	} else {
		l.ready.push(t)
	}
}

// admit makes t share the failure of l, if there is one.
func (l *Loop) admit(t *taskCore) {
	if l.failure != nil {
		t.doomWith(l.failure)
	}
}

func failedTask[T any](l *Loop, where place, err error) *Task[T] {
	t := new(Task[T])
	t.init(l, where)
	l.enroll(&t.taskCore, context.Background())
	t.finish(err, current())
	return t
}

// call runs the function of t, on the goroutine of a coro.
func (t *Task[T]) call() {
	v, err := t.fn.run(&t.ctx)
	t.fn = nil
	t.end(v, err, &t.co.Load().fiber)
}

// complete ends t without a value.
func (t *Task[T]) complete(err error, cur *fiber) {
	var zero T
	t.end(zero, err, cur)
}

func (t *Task[T]) end(v T, err error, cur *fiber) {
	state := finished
	if err != nil && errors.Is(err, context.Canceled) {
		state = cancelled
	}
	l := t.ctx.loop
	l.mu.Lock()
	t.fut.value = v
	first, rest := t.fut.settle(state, err)
	after := t.leave()
	l.mu.Unlock()
	tell(first, rest, cur)
	if state == finished && err != nil {
		l.expect(&t.fut.futureCore, t)
	}
	if after != nil {
		after()
	}
}

// run makes a step: t runs until it suspends or ends.
func (t *taskCore) run(l *Loop) {
	c := t.co.Load()
	if c == nil {
		c = l.takeCoro()
		c.begin(t)
	}
	if l.opts.Hooks != nil {
		l.observed(t, c)
		return
	}
	l.step(t, c)
}

// panicked ends t after a panic with v, and the loop with it.
func (t *taskCore) panicked(v any) {
	err := newPanic(t.Name(), v, debug.Stack())
	t.ctx.loop.fail(err)
	t.fail(err)
	t.self.Err() // Run panics with it: it is not lost
}

// exited ends t after a Goexit.
func (t *taskCore) exited() {
	if t.fate == killed {
		t.fail(t.doom())
		return
	}
	t.fate = exited
	t.fail(ErrGoexit)
}

func (t *taskCore) fail(err error) { t.finish(err, &t.co.Load().fiber) }

// finish ends t with err. cur is the fiber of the caller.
func (t *taskCore) finish(err error, cur *fiber) { t.self.complete(err, cur) }

// Name returns the name of t, "Task-" and its number by default.
func (t *taskCore) Name() string {
	if m := t.more.Load(); m != nil {
		if name := m.name.Load(); name != nil {
			return *name
		}
	}
	return "Task-" + strconv.Itoa(t.num)
}

// SetName names t.
func (t *taskCore) SetName(name string) { t.extra().name.Store(&name) }

func (t *taskCore) task() *taskCore { return t }

// Cancel ends the ctx of t, with cause, which may be nil. What t awaits with
// that ctx returns at once, unless its result is there already, and so does all
// it will await: the function is to clean up and return. A task that has not
// started runs all the same, with a ctx that has ended.
//
// It reports whether t was not done. t is cancelled when its function returns
// an error that matches [context.Canceled]. Cancel may be called from any goroutine.
//
// Python: Task.cancel. Differs: it does not wear off, so there is no uncancel.
func (t *Task[T]) Cancel(cause error) bool {
	if t.fut.isDone() {
		return false
	}
	t.ctx.cancel(context.Canceled, cause)
	return true
}

// Cancelling reports whether t was asked to cancel.
func (t *Task[T]) Cancelling() bool { return !t.Done() && t.ctx.over() }

// Done reports whether the function of t has returned.
func (t *Task[T]) Done() bool { return t.fut.Done() }

// Cancelled reports whether t was cancelled.
func (t *Task[T]) Cancelled() bool { return t.fut.Cancelled() }

// Result returns what the function of t returned. It does not wait: if t is not
// done, the error is [ErrInvalidState].
func (t *Task[T]) Result() (T, error) { return t.fut.Result() }

// Err returns the error that the function of t returned, or [ErrInvalidState]
// if t is not done.
//
// Python: Task.exception.
func (t *Task[T]) Err() error { return t.fut.Err() }

// AddDoneCallback makes the loop call fn(t) when t is done; if it is, soon.
// Callbacks run in the order in which they were added.
func (t *Task[T]) AddDoneCallback(fn func(*Task[T])) {
	t.fut.watch(watcher{n: newCallback(t.ctx.loop, fn, func() { fn(t) })})
}

// RemoveDoneCallback takes back all callbacks added with fn, and returns how
// many there were; see [Future.RemoveDoneCallback].
func (t *Task[T]) RemoveDoneCallback(fn func(*Task[T])) int {
	return t.fut.removeCallback(fn)
}

func (t *Task[T]) await(ctx context.Context) (v T, err error) {
	if err := t.fut.wait(ctx, currentOf(ctx)); err != nil {
		return v, err
	}
	t.fut.asked()
	return t.fut.value, t.fut.err()
}

func (t *Task[T]) ensure(*Loop) AnyFuture[T] { return t }
func (t *Task[T]) core() *futureCore         { return &t.fut.futureCore }

// CurrentTask returns the task that the calling goroutine works for, or nil.
//
// Python: asyncio.current_task.
func CurrentTask() AnyTask {
	if t := current().task(); t != nil {
		return t.self
	}
	return nil
}

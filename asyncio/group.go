package asyncio

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// ErrGroupFinished is the error of a task of a group that is over.
var ErrGroupFinished = errors.New("asyncio: task group is finished")

// GroupOptions configures [WithGroup]. A nil pointer or a zero field means the default.
type GroupOptions struct {
	// Limit is how many tasks of the group run at once; others wait for their
	// turn in the order they were started. Default: no limit.
	Limit int
	// KeepGoing lets the others go on when one fails. Default: a failure cancels them.
	KeepGoing bool
}

// A TaskGroup owns tasks: [WithGroup] returns when all of them have ended.
//
// Python: asyncio.TaskGroup.
type TaskGroup struct {
	ctx   context.Context
	scope scope
	opts  GroupOptions
	limit *Semaphore

	mu     sync.Mutex // guards following
	over   bool
	tasks  []AnyTask
	errs   []*TaskError
	empty  *Event // set when no task is left
	cancel bool   // by Cancel, which is no failure
}

// A TaskError is the error of one task of a group.
type TaskError struct {
	// Task is the name of the task.
	Task string
	// Where is the place where the function of the task is defined, as main.go:7.
	Where string
	// Err is what the function returned.
	Err error
	// Created is the stack of the creation of the task, in debug mode; that of a
	// panic is in the [PanicError].
	Created string
}

// Error returns the name of the task and its error.
func (e *TaskError) Error() string { return e.Task + " (" + e.Where + "): " + e.Err.Error() }

// Unwrap returns the error of the task.
func (e *TaskError) Unwrap() error { return e.Err }

// A GroupError is all that went wrong in a group: the error of its body, then
// those of its tasks in the order in which they failed.
//
// Python: ExceptionGroup.
type GroupError struct {
	// Errors are the body's error, if it is no cancellation, and a [*TaskError]
	// for each task that failed.
	Errors []error
}

// Error returns the number of errors and each of them on a line of its own.
func (e *GroupError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "asyncio: %d errors in a task group", len(e.Errors))
	if len(e.Errors) == 1 {
		b.Reset()
		b.WriteString("asyncio: an error in a task group")
	}
	for _, err := range e.Errors {
		b.WriteString("\n\t" + err.Error())
	}
	return b.String()
}

// Unwrap returns the errors.
func (e *GroupError) Unwrap() []error { return e.Errors }

// WithGroup calls body with a group in which it may start tasks, by [Start], and
// returns when body has returned and all tasks have ended.
//
// The first failure, of a task or of body, cancels the ctx of the group and with
// it the other tasks and body's waits. The error is a [*GroupError] with
// everything that failed, nil if nothing did, or that of ctx if it ended.
// Cancelled tasks have not failed.
//
// Python: async with asyncio.TaskGroup.
func WithGroup(ctx context.Context, opts *GroupOptions, body func(ctx context.Context, g *TaskGroup) error) error {
	cur := current()
	l := loopOf(cur, ctx)
	if l == nil {
		return ErrNoRunningLoop
	}
	if cur != nil && cur.task() == nil {
		return ErrWouldBlock
	}
	g := &TaskGroup{ctx: ctx, empty: new(Event)}
	if opts != nil {
		g.opts = *opts
	}
	if g.opts.Limit > 0 {
		g.limit = NewSemaphore(g.opts.Limit)
	}
	g.empty.Set()
	g.scope.init(l, cur.task(), ctx)
	return g.run(body)
}

func (g *TaskGroup) run(body func(context.Context, *TaskGroup) error) error {
	defer g.scope.finish()
	returned := false
	defer func() {
		if !returned { // a panic or Goexit: nothing of the group outlives it
			g.scope.cancel(context.Canceled, nil)
			g.close()
			g.empty.wait(context.WithoutCancel(g.ctx), g)
		}
	}()
	err := body(&g.scope, g)
	returned = true
	if err != nil {
		g.scope.cancel(context.Canceled, err)
	}
	g.empty.wait(context.WithoutCancel(g.ctx), g)
	g.close()
	return g.result(err)
}

func (g *TaskGroup) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
}

// result returns the error of a group whose body returned err.
func (g *TaskGroup) result(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := &GroupError{}
	ended := g.scope.Err() != nil
	if err != nil && !(ended && errors.Is(err, context.Canceled) && (len(g.errs) > 0 || g.cancel || g.ctx.Err() != nil)) {
		all.Errors = append(all.Errors, err)
	}
	for _, e := range g.errs {
		all.Errors = append(all.Errors, e)
	}
	switch {
	case len(all.Errors) > 0:
		return all
	case g.ctx.Err() != nil && err != nil:
		return err
	}
	return nil
}

// Start starts a task of g that calls f with the group's ctx. When f fails, g
// does; when g is over, the task fails with [ErrGroupFinished] and f is not called.
// It may be called from any goroutine, and from tasks of the group.
//
// Python: TaskGroup.create_task.
func Start[T any](g *TaskGroup, f func(context.Context) (T, error)) *Task[T] {
	where := placeOf(f)
	if where == 0 {
		panic("asyncio: task of a nil function")
	}
	l := g.scope.loop
	g.mu.Lock()
	if g.over {
		g.mu.Unlock()
		return failedTask[T](l, where, ErrGroupFinished)
	}
	g.empty.Clear()
	run := f
	if g.limit != nil {
		run = func(ctx context.Context) (T, error) {
			if err := g.limit.Acquire(ctx); err != nil {
				return f(ctx) // as any task that is cancelled before its start
			}
			defer g.limit.Release()
			return f(ctx)
		}
	}
	t := newTask(l, &g.scope, function[T](run), where)
	g.tasks = append(g.tasks, t)
	g.mu.Unlock()
	t.core().watch(watcher{n: &groupMember{g: g, t: t}})
	return t
}

// A groupMember tells its group that a task is done.
type groupMember struct {
	g *TaskGroup
	t AnyTask
}

func (m *groupMember) notify(cur *fiber, _ uint32) {
	l := m.g.scope.loop
	if cur.on(l) {
		l.ready.push(m)
		return
	}
	l.postRun(m)
}

func (m *groupMember) run(*Loop) {
	g, err := m.g, m.t.Err()
	g.mu.Lock()
	for i, t := range g.tasks {
		if t == m.t {
			g.tasks = append(g.tasks[:i], g.tasks[i+1:]...)
			break
		}
	}
	failed := err != nil && !m.t.Cancelled()
	if failed {
		g.errs = append(g.errs, &TaskError{Task: m.t.Name(), Where: m.t.task().where.line(), Err: err, Created: m.t.task().originStack()})
	}
	last := len(g.tasks) == 0
	g.mu.Unlock()
	if failed && !g.opts.KeepGoing {
		g.scope.cancel(context.Canceled, err)
	}
	if last {
		g.empty.Set()
	}
}

// Cancel cancels the tasks of g and the waits of its body. That is no failure:
// WithGroup returns nil if nothing else went wrong.
//
// Python: TaskGroup.cancel (3.15).
func (g *TaskGroup) Cancel(cause error) {
	g.mu.Lock()
	g.cancel = true
	g.mu.Unlock()
	g.scope.cancel(context.Canceled, cause)
}

// Tasks returns the tasks of g that are not done, in the order they were started.
func (g *TaskGroup) Tasks() []AnyTask {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]AnyTask(nil), g.tasks...)
}

// StartReady starts a task of g and waits until its function has called ready,
// with what others may use from then on, say the address it serves. If the
// function returns before, that is the error: its own, or [ErrNotReady].
//
// The end of ctx cancels a task that is not ready.
//
// trio: Nursery.start.
func StartReady[T, R any](ctx context.Context, g *TaskGroup, f func(ctx context.Context, ready func(R)) (T, error)) (*Task[T], R, error) {
	said := NewFuture[R](g.scope.loop)
	t := Start(g, func(ctx context.Context) (T, error) {
		v, err := f(ctx, func(r R) { said.SetResult(r) })
		switch {
		case said.Done():
		case err != nil:
			said.Cancel(err)
		default:
			said.Cancel(ErrNotReady)
		}
		return v, err
	})
	t.where = placeOf(f)
	r, err := Await(ctx, said)
	if err != nil && !said.Done() {
		t.Cancel(context.Cause(ctx))
	}
	return t, r, err
}

// ErrNotReady is the error of [StartReady] for a function that returned without
// having been ready.
var ErrNotReady = errors.New("asyncio: task returned without being ready")

// String returns <TaskGroup tasks=2 entered>.
func (g *TaskGroup) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := "<TaskGroup"
	if n := len(g.tasks); n > 0 {
		s += fmt.Sprintf(" tasks=%d", n)
	}
	if len(g.errs) > 0 {
		s += fmt.Sprintf(" errors=%d", len(g.errs))
	}
	switch {
	case g.scope.over():
		s += " cancelling"
	case g.over:
		s += " finished"
	default:
		s += " entered"
	}
	return s + ">"
}

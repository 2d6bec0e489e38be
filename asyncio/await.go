package asyncio

import "context"

// An Awaitable is what [Await] waits for: a [*Coroutine], [*Task] or [*Future].
type Awaitable[T any] interface {
	await(ctx context.Context) (T, error)
	ensure(l *Loop) AnyFuture[T]
}

// AnyFuture is a [*Task] or a [*Future].
type AnyFuture[T any] interface {
	Awaitable[T]
	Done() bool
	Cancelled() bool
	Cancel(cause error) bool
	Result() (T, error)
	Err() error
	String() string
	core() *futureCore
}

// Await waits for aw and returns its result. A coroutine runs here and now, as
// part of the caller. If aw is cancelled, the error matches [context.Canceled].
//
// ctx ends the wait, not the work: a task goes on without its waiter, and what
// it returns can be asked for later. If aw is done, Await returns its result
// even if ctx has ended.
//
// Python: await. Differs: cancelling the waiter does not cancel the task.
func Await[T any](ctx context.Context, aw Awaitable[T]) (T, error) {
	return aw.await(ctx)
}

// EnsureFuture returns aw if it is a task or a future, and makes a task of l of
// a coroutine.
//
// Python: asyncio.ensure_future.
func EnsureFuture[T any](l *Loop, aw Awaitable[T]) AnyFuture[T] {
	return aw.ensure(l)
}

package asyncio

import (
	"context"
	"reflect"
)

// A Coroutine is a call that was prepared and not made: [Coro] takes the
// function and its arguments, and running it is up to [Await], [CreateTask],
// [RunUntilComplete] and the like. It runs once.
//
// A coroutine that never ran is reported once, when it is garbage or when the
// loop closes that it was made on: most often an Await was forgotten.
//
// Python: a coroutine object.
type Coroutine[T any] struct {
	call
	fn func(context.Context) (T, error)
}

// Coro0 returns a coroutine of f.
func Coro0[T any](f func(context.Context) (T, error)) *Coroutine[T] {
	return newCoroutine(f, f)
}

// Coro returns a coroutine that will call f with a. It runs nothing.
//
// Python: calling an async def function.
func Coro[A, T any](f func(context.Context, A) (T, error), a A) *Coroutine[T] {
	return newCoroutine(f, func(ctx context.Context) (T, error) { return f(ctx, a) })
}

// Coro2 is [Coro] for two arguments.
func Coro2[A, B, T any](f func(context.Context, A, B) (T, error), a A, b B) *Coroutine[T] {
	return newCoroutine(f, func(ctx context.Context) (T, error) { return f(ctx, a, b) })
}

// Coro3 is [Coro] for three arguments.
func Coro3[A, B, C, T any](f func(context.Context, A, B, C) (T, error), a A, b B, c C) *Coroutine[T] {
	return newCoroutine(f, func(ctx context.Context) (T, error) { return f(ctx, a, b, c) })
}

func newCoroutine[T any](user any, fn func(context.Context) (T, error)) *Coroutine[T] {
	where := placeOf(user)
	if where == 0 {
		panic("asyncio: coroutine of a nil function")
	}
	c := &Coroutine[T]{call{where: where}, fn}
	if f := current(); f != nil {
		f.loop.calls.add(&c.call)
	} else {
		c.watch(nil)
	}
	return c
}

// take returns the function of c, the first time.
func (c *Coroutine[T]) take() (func(context.Context) (T, error), error) {
	if !c.begin() {
		return nil, ErrCoroutineReused
	}
	fn := c.fn
	c.fn = nil
	return fn, nil
}

// Close gives c up: it will not run, and is not reported for that.
func (c *Coroutine[T]) Close() { c.begin() }

// String returns <coroutine main.request at main.go:7>.
func (c *Coroutine[T]) String() string {
	return "<coroutine " + c.where.name() + " at " + c.where.line() + ">"
}

func (c *Coroutine[T]) await(ctx context.Context) (T, error) {
	fn, err := c.take()
	if err != nil {
		var zero T
		return zero, err
	}
	return fn(ctx)
}

func (c *Coroutine[T]) ensure(l *Loop) AnyFuture[T] { return CreateTask(l, c) }

// A place is the entry of a function of the user.
type place uintptr

func placeOf(fn any) place {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return 0
	}
	return place(v.Pointer())
}

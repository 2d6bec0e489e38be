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
	body body[T]
}

// A body is what a task runs: a function, or one and its argument.
type body[T any] interface {
	run(ctx context.Context) (T, error)
}

type function[T any] func(context.Context) (T, error)

func (f function[T]) run(ctx context.Context) (T, error) { return f(ctx) }

// Coro0 returns a coroutine of f.
func Coro0[T any](f func(context.Context) (T, error)) *Coroutine[T] {
	c := &Coroutine[T]{body: function[T](f)}
	c.init(f)
	return c
}

// Coro returns a coroutine that will call f with a. It runs nothing.
//
// Python: calling an async def function.
func Coro[A, T any](f func(context.Context, A) (T, error), a A) *Coroutine[T] {
	c := &coroutineOf[A, T]{f: f, a: a}
	c.body = c
	c.init(f)
	return &c.Coroutine
}

// A coroutineOf is a coroutine in one piece with the call it makes.
type coroutineOf[A, T any] struct {
	Coroutine[T]
	f func(context.Context, A) (T, error)
	a A
}

func (c *coroutineOf[A, T]) run(ctx context.Context) (T, error) {
	f, a := c.f, c.a
	var zero A
	c.f, c.a = nil, zero // what has run is not to keep them
	return f(ctx, a)
}

// Coro2 is [Coro] for two arguments.
func Coro2[A, B, T any](f func(context.Context, A, B) (T, error), a A, b B) *Coroutine[T] {
	c := &Coroutine[T]{body: function[T](func(ctx context.Context) (T, error) { return f(ctx, a, b) })}
	c.init(f)
	return c
}

// Coro3 is [Coro] for three arguments.
func Coro3[A, B, C, T any](f func(context.Context, A, B, C) (T, error), a A, b B, c C) *Coroutine[T] {
	co := &Coroutine[T]{body: function[T](func(ctx context.Context) (T, error) { return f(ctx, a, b, c) })}
	co.init(f)
	return co
}

// init makes c one that calls user in the end.
func (c *Coroutine[T]) init(user any) {
	if c.where = placeOf(user); c.where == 0 {
		panic("asyncio: coroutine of a nil function")
	}
	if f := current(); f != nil {
		f.loop.calls.add(&c.call)
	} else {
		c.watch(nil)
	}
}

// take returns the body of c, the first time.
func (c *Coroutine[T]) take() (body[T], error) {
	if !c.begin() {
		return nil, ErrCoroutineReused
	}
	b := c.body
	c.body = nil
	return b, nil
}

// Close gives c up: it will not run, and is not reported for that.
func (c *Coroutine[T]) Close() { c.begin() }

// String returns <coroutine main.request at main.go:7>.
func (c *Coroutine[T]) String() string {
	return "<coroutine " + c.where.name() + " at " + c.where.line() + ">"
}

func (c *Coroutine[T]) await(ctx context.Context) (T, error) {
	b, err := c.take()
	if err != nil {
		var zero T
		return zero, err
	}
	return b.run(ctx)
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

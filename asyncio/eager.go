package asyncio

import "context"

// GoEager is [Go] with a task that starts at once: f runs until it first waits,
// then GoEager returns. A task that never waits is done by then, and was never
// in the loop's queue. Called where l does not run at the moment, it is Go.
//
// Python: asyncio.Task(eager_start=True).
func GoEager[T any](ctx context.Context, f func(context.Context) (T, error)) *Task[T] {
	cur := currentOf(ctx)
	l := loopOf(cur, ctx)
	if l == nil {
		panic(ErrNoRunningLoop)
	}
	where := placeOf(f)
	if where == 0 {
		panic("asyncio: task of a nil function")
	}
	t := new(Task[T])
	t.prepare(l, ctx, function[T](f), where)
	l.launch(&t.taskCore, cur, cur != nil)
	return t
}

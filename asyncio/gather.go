package asyncio

import (
	"context"
	"slices"
)

// Gather runs coroutines as tasks, waits for them and for the tasks and futures
// given, and returns the results in the order of the arguments. What is given
// twice runs once.
//
// Gather owns all that it is given: the first error, and the end of ctx, cancel
// what is not done, and Gather returns when everything has ended. The error is
// the first one in time.
//
// Python: asyncio.gather. Differs: siblings of a failure do not go on unobserved;
// see [Settled].
func Gather[T any](ctx context.Context, aws ...Awaitable[T]) ([]T, error) {
	futs, err := ensureAll(ctx, aws)
	if err != nil {
		return nil, err
	}
	first, err := awaitAll(ctx, futs, func(c *futureCore) bool { return c.failed != nil })
	results := make([]T, len(futs))
	for i, f := range futs {
		v, e := f.Result()
		results[i] = v
		if e != nil && err == nil && first == nil {
			err = e
		}
	}
	if first != nil {
		err = first.failure()
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

// A Settlement is how one awaitable of [Settled] ended.
type Settlement[T any] struct {
	Value T
	Err   error
}

// Settled is [Gather] with the error of each beside its result: a failure
// cancels nobody. The error is that of ctx, whose end cancels all.
//
// Python: asyncio.gather(return_exceptions=True).
func Settled[T any](ctx context.Context, aws ...Awaitable[T]) ([]Settlement[T], error) {
	futs, err := ensureAll(ctx, aws)
	if err != nil {
		return nil, err
	}
	_, err = awaitAll(ctx, futs, func(*futureCore) bool { return false })
	all := make([]Settlement[T], len(futs))
	for i, f := range futs {
		all[i].Value, all[i].Err = f.Result()
	}
	return all, err
}

// ensureAll makes tasks of the coroutines among aws, one of each.
func ensureAll[T any](ctx context.Context, aws []Awaitable[T]) ([]AnyFuture[T], error) {
	cur := currentOf(ctx)
	l := loopOf(cur, ctx)
	futs := make([]AnyFuture[T], len(aws))
	var first map[Awaitable[T]]int // where each of aws is first
	for i, aw := range aws {
		c, ok := aw.(*Coroutine[T])
		if !ok {
			futs[i] = aw.ensure(nil)
			continue
		}
		if l == nil {
			return nil, ErrNoRunningLoop
		}
		fn, err := c.take()
		if err == nil {
			if cur.on(l) {
				l.dog.alive() // that there are very many is no reason to bark
			}
			futs[i] = newTaskBy(cur, l, ctx, fn, c.where)
			continue
		}
		if first == nil {
			first = firsts(aws)
		}
		if at := first[c]; at < i {
			futs[i] = futs[at]
		} else {
			futs[i] = failedTask[T](l, c.where, err)
		}
	}
	return futs, nil
}

// firsts returns the lowest index of each of items.
func firsts[K comparable](items []K) map[K]int {
	first := make(map[K]int, len(items))
	for i, item := range slices.Backward(items) {
		first[item] = i
	}
	return first
}

// awaitAll waits until all of futs are done. If ctx ends, and at the first for
// which stop is true, which it returns, it cancels the others and waits on.
func awaitAll[T any](ctx context.Context, futs []AnyFuture[T], stop func(*futureCore) bool) (*futureCore, error) {
	cur := currentOf(ctx)
	g := newGathering(cur, futs, stop)
	err := g.enough.waitOn(ctx, cur, g)
	if err == ErrWouldBlock {
		return nil, err
	}
	if err != nil || g.stoppedBy != nil {
		for _, f := range futs {
			f.Cancel(nil)
		}
		if e := g.all.waitOn(context.WithoutCancel(ctx), cur, g); e != nil && err == nil {
			err = e
		}
	}
	return g.stoppedBy, err
}

func (c *futureCore) failure() error {
	c.asked()
	return c.err()
}

// String describes c to those who look for what a task waits for.
func (c *futureCore) String() string {
	switch {
	case c.task != nil:
		return "task '" + c.task.Name() + "'"
	}
	return "a future"
}

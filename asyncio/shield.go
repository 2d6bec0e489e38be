package asyncio

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Shield waits for aw as [Await] does, but a coroutine runs to its end even if
// ctx ends: then Shield returns, and the work goes on as a task of the loop.
// (Tasks and futures need no shield: awaiting them never cancels them.)
//
// Python: asyncio.shield.
func Shield[T any](ctx context.Context, aw Awaitable[T]) (T, error) {
	if c, ok := aw.(*Coroutine[T]); ok {
		l := loopOf(currentOf(ctx), ctx)
		if l == nil {
			var zero T
			return zero, ErrNoRunningLoop
		}
		aw = createTask(withoutCancel{&l.root, ctx}, l, c)
	}
	return aw.await(ctx)
}

// withoutCancel has the values of one context and the end of another.
type withoutCancel struct {
	context.Context
	values context.Context
}

func (c withoutCancel) Value(key any) any {
	if key == any(scopeKey{}) || key == causeKey {
		return c.Context.Value(key)
	}
	return c.values.Value(key)
}

// Race waits for the first of aws that succeeds, cancels the others, waits for
// their end, and returns that result. If all fail, the error joins theirs in
// the order of the arguments. If ctx ends, all are cancelled, and the error is ctx's.
func Race[T any](ctx context.Context, aws ...Awaitable[T]) (T, error) {
	var zero T
	if len(aws) == 0 {
		return zero, errors.New("asyncio: Race of nothing")
	}
	futs, err := ensureAll(ctx, aws)
	if err != nil {
		return zero, err
	}
	winner, err := awaitAll(ctx, futs, func(c *futureCore) bool { return c.failed == nil })
	var errs []error
	for _, f := range futs {
		v, e := f.Result()
		if f.core() == winner {
			zero, err = v, nil
		}
		errs = append(errs, e)
	}
	if winner != nil || err != nil {
		return zero, err
	}
	return zero, errors.Join(errs...)
}

// AsCompleted returns aws, with tasks for the coroutines among them, in the
// order in which they are done. A d that is not zero bounds the whole; past it,
// and when ctx ends, the last pair has an error: [ErrTimeout] or ctx's. Nothing
// is cancelled, by leaving the loop neither. Single use.
//
// Python: asyncio.as_completed.
func AsCompleted[T any](ctx context.Context, d time.Duration, aws ...Awaitable[T]) iter.Seq2[AnyFuture[T], error] {
	return func(yield func(AnyFuture[T], error) bool) {
		futs, err := ensureAll(ctx, aws)
		if err != nil {
			yield(nil, err)
			return
		}
		done := NewQueue[AnyFuture[T]](Unbounded)
		end := time.Duration(0)
		cur := currentOf(ctx)
		l := loopOf(cur, ctx)
		seen := make(map[AnyFuture[T]]bool)
		for _, f := range futs {
			if seen[f] {
				continue
			}
			seen[f] = true
			n := &completion[T]{l, done, f}
			f.core().watch(watcher{n: n})
			defer f.core().remove(func(w watcher) bool { return w.n == notifier(n) })
		}
		if d != 0 && l != nil {
			end = l.Time() + d
		}
		for range len(seen) {
			var f AnyFuture[T]
			get := func(ctx context.Context, _ *Timeout) (err error) {
				f, err = done.Get(ctx)
				return err
			}
			var err error
			switch {
			case d == 0:
				err = get(ctx, nil)
			case l != nil:
				err = WithTimeout(ctx, end-l.Time(), get)
			default:
				err = WithTimeout(ctx, d, get)
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// A completion puts a future that is done into a queue.
type completion[T any] struct {
	l    *Loop
	done *Queue[AnyFuture[T]]
	f    AnyFuture[T]
}

func (c *completion[T]) notify(cur *fiber, _ uint32) {
	switch {
	case c.l == nil:
		c.done.TryPut(c.f)
	case cur.on(c.l):
		c.l.ready.push(c)
	default:
		c.l.postRun(c)
	}
}

func (c *completion[T]) run(*Loop) { c.done.TryPut(c.f) }

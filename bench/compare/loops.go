package main

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/peer"
	"github.com/quartet-go/quartet/bench/internal/rival"
)

var loopRows = []row{
	{"asyncio/step", loopStep},
	{"asyncio/step-allocations", loopStepAllocs},
	{"asyncio/spawn-await", loopSpawn},
	{"asyncio/gather-100k", loopGather},
	{"asyncio/queue-hop", loopQueue},
	{"asyncio/sleep-100k", loopSleeps},
	{"asyncio/timer-add-cancel", loopTimers},
	{"asyncio/to-thread", loopToThread},
	{"asyncio/posts", loopPosts},
	{"asyncio/parked-100k-memory", loopParked},
}

// withLoop is our side: work gets one loop that lives for all rounds.
func withLoop(work func(ctx context.Context, loop *asyncio.Loop, n int) (measure.Result, error)) measure.Side {
	return measure.Side{Name: "quartet", Open: measure.With(func(_ context.Context, n int) (measure.Round, func() error, error) {
		loop := asyncio.NewLoop(loopOptions())
		return func(ctx context.Context) (measure.Result, error) { return work(ctx, loop, n) }, loop.Close, nil
	})}
}

// loopOptions are the defaults but for the logger: a loop that makes 100,000 tasks
// in one go is blocked for so long that the watchdog says so.
func loopOptions() *asyncio.LoopOptions {
	return &asyncio.LoopOptions{Logger: slog.New(slog.DiscardHandler)}
}

// onLoop is withLoop for work that is a task of the loop.
func onLoop(work func(ctx context.Context, n int) (measure.Result, error)) measure.Side {
	return withLoop(func(ctx context.Context, loop *asyncio.Loop, n int) (measure.Result, error) {
		return asyncio.RunUntilComplete(ctx, loop, asyncio.Coro(work, n))
	})
}

// onLoopInts is onLoop for work that gives a list of integers.
func onLoopInts(work func(ctx context.Context, n int) ([]int, error)) measure.Side {
	return withLoop(func(ctx context.Context, loop *asyncio.Loop, n int) (measure.Result, error) {
		var seconds float64
		out, err := asyncio.RunUntilComplete(ctx, loop, asyncio.Coro0(func(ctx context.Context) (out []int, err error) {
			seconds, err = measure.Clock(func() (err error) {
				out, err = work(ctx, n)
				return err
			})
			return out, err
		}))
		return measure.Result{Amount: seconds, Work: measure.Ints(out)}, err
	})
}

// pythonLoop is a case of loops.py on asyncio's loop or uvloop's.
func pythonLoop(loop, name string, n int, goal float64, args ...string) measure.Side {
	return measure.Side{Name: loop, N: n, Goal: goal, Open: peer.Python("loops.py", name, append([]string{loop}, args...)...)}
}

// increment is the coroutine function of a task that has next to no work.
func increment(_ context.Context, x int) (int, error) { return rival.Increment(x), nil }

// incremented is the work of n increments.
func incremented(n int) measure.Work {
	out := make([]int, n)
	for i := range out {
		out[i] = rival.Increment(i)
	}
	return measure.Ints(out)
}

// counted is the work of passing 0 to n-1 on.
func counted(n int) measure.Work { return measure.Ints(upTo(n)) }

func steps(ctx context.Context, n int) error {
	for range n {
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// loopStep is a task that gives its loop a turn, over and over.
func loopStep(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.NanosEach, N: 2_000_000, Want: measure.Items,
		Ours: onLoop(func(ctx context.Context, n int) (measure.Result, error) {
			seconds, err := measure.Clock(func() error { return steps(ctx, n) })
			return measure.Result{Amount: seconds, Work: measure.Items(n)}, err
		}),
		Peers: []measure.Side{
			{Name: "iter.Pull", Goal: 1 / 1.6, Open: rival.Pull},
			pythonLoop("asyncio", "step", 100_000, 15),
			pythonLoop("uvloop", "step", 100_000, 10),
		},
	}, nil
}

func loopStepAllocs(context.Context, *fixtures) (measure.Case, error) {
	const n, limit = 1_000_000, 0.001 // an allocation a step
	return measure.Case{
		Unit: measure.Unit{Name: "allocs/item", Scale: 1, PerItem: true}, N: n, Want: measure.Items,
		Ours: onLoop(func(ctx context.Context, n int) (measure.Result, error) {
			before := rival.Mallocs()
			err := steps(ctx, n)
			return measure.Result{Amount: rival.Mallocs() - before, Work: measure.Items(n)}, err
		}),
		Peers: []measure.Side{{Name: "limit", Goal: 1, Open: measure.Limit(n*limit, measure.Items)}},
	}, nil
}

// loopSpawn makes a task and awaits it, one after the other.
func loopSpawn(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.NanosEach, N: 200_000, Want: incremented,
		Ours: onLoopInts(func(ctx context.Context, n int) ([]int, error) {
			return filled(n, func(i int) (int, error) {
				return asyncio.Await(ctx, asyncio.Go(ctx, func(ctx context.Context) (int, error) { return increment(ctx, i) }))
			})
		}),
		Peers: []measure.Side{
			{Name: "go and a channel", Goal: 1, Open: rival.GoChan},
			pythonLoop("asyncio", "spawn", 50_000, 10),
			pythonLoop("uvloop", "spawn", 50_000, 0),
		},
	}, nil
}

// loopGather awaits 100,000 coroutines at once.
func loopGather(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.NanosEach, N: 100_000, Want: incremented,
		Ours: onLoopInts(func(ctx context.Context, n int) ([]int, error) {
			all := make([]asyncio.Awaitable[int], n)
			for i := range all {
				all[i] = asyncio.Coro(increment, i)
			}
			return asyncio.Gather(ctx, all...)
		}),
		Peers: []measure.Side{
			{Name: "go and channels", Goal: 1, Open: rival.GoChanAll},
			{Name: "errgroup", Open: rival.ErrGroup},
			{Name: "conc", Open: rival.ConcPool},
			pythonLoop("asyncio", "gather", 0, 10),
			pythonLoop("uvloop", "gather", 0, 0),
		},
	}, nil
}

// loopQueue hands integers from one task to another over a queue with one place.
func loopQueue(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.NanosEach, N: 500_000, Want: counted,
		Ours: onLoopInts(func(ctx context.Context, n int) ([]int, error) {
			hop := asyncio.NewQueue[int](1)
			producer := asyncio.Go(ctx, func(ctx context.Context) (struct{}, error) {
				for i := range n {
					if err := hop.Put(ctx, i); err != nil {
						return struct{}{}, err
					}
				}
				return struct{}{}, nil
			})
			out, err := filled(n, func(int) (int, error) { return hop.Get(ctx) })
			if err != nil {
				return nil, err
			}
			_, err = asyncio.Await(ctx, producer)
			return out, err
		}),
		Peers: []measure.Side{
			{Name: "channel of one", Open: rival.Channel},
			pythonLoop("asyncio", "queue", 50_000, 20),
			pythonLoop("uvloop", "queue", 50_000, 0),
		},
	}, nil
}

// loopSleeps has 100,000 tasks sleep for 50 ms at once.
func loopSleeps(context.Context, *fixtures) (measure.Case, error) {
	nap := func(ctx context.Context, i int) (int, error) { return i, asyncio.Sleep(ctx, 50*time.Millisecond) }
	return measure.Case{
		Unit: measure.Millis, N: 100_000, Want: counted,
		Ours: onLoopInts(func(ctx context.Context, n int) ([]int, error) {
			all := make([]asyncio.Awaitable[int], n)
			for i := range all {
				all[i] = asyncio.Coro(nap, i)
			}
			return asyncio.Gather(ctx, all...)
		}),
		Peers: []measure.Side{
			{Name: "goroutines", Goal: 1 / 2.5, Open: rival.Sleeps},
			pythonLoop("asyncio", "sleeps", 0, 5),
		},
	}, nil
}

// loopTimers adds a timer and cancels it.
func loopTimers(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.NanosEach, N: 1_000_000, Want: measure.Items,
		Ours: onLoop(func(ctx context.Context, n int) (measure.Result, error) {
			loop, err := asyncio.RunningLoop()
			if err != nil {
				return measure.Result{}, err
			}
			cancelled := 0
			callback := func() {}
			seconds, err := measure.Clock(func() error {
				for i := range n {
					if loop.CallLater(time.Minute, callback).Cancel() {
						cancelled++
					}
					if i%1000 == 999 {
						if err := asyncio.Sleep(ctx, 0); err != nil {
							return err
						}
					}
				}
				return nil
			})
			return measure.Result{Amount: seconds, Work: measure.Items(cancelled)}, err
		}),
		Peers: []measure.Side{
			{Name: "time.Timer", Goal: 1.0 / 2, Open: rival.Timers},
			pythonLoop("asyncio", "timers", 100_000, 15),
			pythonLoop("uvloop", "timers", 100_000, 0),
		},
	}, nil
}

// loopToThread runs a plain function beside the loop and awaits it.
func loopToThread(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.NanosEach, N: 100_000, Want: incremented,
		Ours: onLoopInts(func(ctx context.Context, n int) ([]int, error) {
			return filled(n, func(i int) (int, error) {
				return asyncio.ToThread(ctx, func(ctx context.Context) (int, error) { return increment(ctx, i) })
			})
		}),
		Peers: []measure.Side{
			{Name: "go and a channel", Goal: 1.0 / 2, Open: rival.GoChan},
			pythonLoop("asyncio", "to_thread", 5_000, 25),
			pythonLoop("uvloop", "to_thread", 5_000, 0),
		},
	}, nil
}

// loopPosts has two goroutines post callbacks to a loop; it ends when the last
// was called.
func loopPosts(context.Context, *fixtures) (measure.Case, error) {
	const n, posters, each = 1_000_000, 2, 200e-9 // seconds a post: five million a second
	return measure.Case{
		Unit: measure.NanosEach, N: n, Want: measure.Items,
		Ours: onLoop(func(ctx context.Context, n int) (measure.Result, error) {
			loop, err := asyncio.RunningLoop()
			if err != nil {
				return measure.Result{}, err
			}
			done := asyncio.NewFuture[struct{}](loop)
			called := 0
			receive := func() {
				if called++; called == n {
					done.SetResult(struct{}{})
				}
			}
			var all sync.WaitGroup
			seconds, err := measure.Clock(func() error {
				for range posters {
					all.Go(func() {
						for range n / posters {
							if _, err := loop.CallSoonThreadsafe(receive); err != nil {
								return
							}
						}
					})
				}
				_, err := asyncio.Await(ctx, done)
				return err
			})
			all.Wait()
			return measure.Result{Amount: seconds, Work: measure.Items(called)}, err
		}),
		Peers: []measure.Side{
			{Name: "limit", Goal: 1, Open: measure.Limit(n*each, measure.Items)},
			pythonLoop("asyncio", "posts", 50_000, 10, "2"),
			pythonLoop("uvloop", "posts", 50_000, 0, "2"),
		},
	}, nil
}

// loopParked is the memory of 100,000 tasks that wait for one future.
func loopParked(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.Unit{Name: "B/item", Scale: 1, PerItem: true}, N: 100_000, Want: measure.Items,
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
			work := func(ctx context.Context) (measure.Result, error) { return parked(ctx, n) }
			opts := loopOptions()
			opts.Watchdog = -1 // collecting garbage to measure blocks the loop, and the report of that was measured too
			return asyncio.Run(ctx, work, &asyncio.RunOptions{LoopOptions: *opts})
		})},
		Peers: []measure.Side{{Name: "iter.Pull", Goal: 1 / 1.3, Open: rival.ParkedPulls}},
	}, nil
}

func parked(ctx context.Context, n int) (measure.Result, error) {
	loop, err := asyncio.RunningLoop()
	if err != nil {
		return measure.Result{}, err
	}
	never := asyncio.NewFuture[int](loop)
	waiting := 0
	tasks := make([]*asyncio.Task[int], n)
	before := rival.Memory()
	for i := range tasks {
		tasks[i] = asyncio.Go(ctx, func(ctx context.Context) (int, error) {
			waiting++
			return asyncio.Await(ctx, never)
		})
	}
	if err := asyncio.Sleep(ctx, 0); err != nil { // all of them run to their await
		return measure.Result{}, err
	}
	used, reached := rival.Memory()-before, waiting
	never.SetResult(1)
	for _, t := range tasks {
		if _, err := asyncio.Await(ctx, t); err != nil {
			return measure.Result{}, err
		}
	}
	runtime.KeepAlive(tasks)
	return measure.Result{Amount: float64(used), Work: measure.Items(reached)}, nil
}

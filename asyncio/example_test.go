package asyncio_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// inExample runs body as a main task, on a clock that needs no time.
func inExample(body func(ctx context.Context) error) {
	opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: asyncio.NewVirtualClock()}}
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) { return 0, body(ctx) }, opts)
	if err != nil {
		fmt.Println(err)
	}
}

func double(ctx context.Context, n int) (int, error) {
	err := asyncio.Sleep(ctx, time.Duration(n)*time.Second)
	return 2 * n, err
}

func ExampleRun() {
	n, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		task := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 6, asyncio.Sleep(ctx, time.Millisecond) })
		n, err := asyncio.Await(ctx, task)
		return 7 * n, err
	}, nil)
	fmt.Println(n, err)
	// Output: 42 <nil>
}

func ExampleLoop() {
	loop := asyncio.NewLoop(&asyncio.LoopOptions{Engine: asyncio.EngineHandoff})
	defer loop.Close()
	loop.CallSoon(func() { fmt.Println("soon") })
	n, err := asyncio.RunUntilComplete(context.Background(), loop, asyncio.Coro(double, 0))
	fmt.Println(n, err)
	// Output:
	// soon
	// 0 <nil>
}

func ExampleEngine() {
	fmt.Println(asyncio.EnginePull, asyncio.EngineHandoff)
	// Output: pull handoff
}

func ExampleCoroutine() {
	c := asyncio.Coro(double, 21) // runs nothing
	inExample(func(ctx context.Context) error {
		n, err := asyncio.Await(ctx, c)
		fmt.Println(n, err)
		_, err = asyncio.Await(ctx, c)
		fmt.Println(err)
		return nil
	})
	// Output:
	// 42 <nil>
	// asyncio: coroutine was already run
}

func ExampleTask() {
	inExample(func(ctx context.Context) error {
		task := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, time.Hour) })
		task.SetName("sleeper")
		task.AddDoneCallback(func(t *asyncio.Task[int]) { fmt.Println(t.Name(), "is done") })
		asyncio.Sleep(ctx, time.Minute)
		task.Cancel(errors.New("enough"))
		_, err := asyncio.Await(ctx, task)
		fmt.Println(err, task.Cancelled())
		return nil
	})
	// Output:
	// sleeper is done
	// context canceled: enough true
}

func ExampleAnyTask() {
	inExample(func(ctx context.Context) error {
		var me asyncio.AnyTask = asyncio.CurrentTask()
		fmt.Println(me.Name(), me.Done())
		return nil
	})
	// Output: Task-1 false
}

func ExampleFuture() {
	inExample(func(ctx context.Context) error {
		loop, _ := asyncio.RunningLoop()
		f := asyncio.NewFuture[string](loop)
		go f.SetResult("from a goroutine")
		s, err := asyncio.Await(ctx, f)
		fmt.Println(s, err, f)
		return nil
	})
	// Output: from a goroutine <nil> <Future finished result='from a goroutine'>
}

func ExampleAnyFuture() {
	inExample(func(ctx context.Context) error {
		loop, _ := asyncio.RunningLoop()
		var aw asyncio.Awaitable[int] = asyncio.Coro(double, 4)
		var f asyncio.AnyFuture[int] = asyncio.EnsureFuture(loop, aw)
		n, err := asyncio.Await(ctx, f)
		fmt.Println(n, err, f.Done())
		return nil
	})
	// Output: 8 <nil> true
}

func ExampleHandle() {
	inExample(func(ctx context.Context) error {
		loop, _ := asyncio.RunningLoop()
		h := loop.CallLater(time.Hour, func() { fmt.Println("never") })
		loop.CallLater(time.Minute, func() { fmt.Println("a minute later", h.Cancel()) })
		return asyncio.Sleep(ctx, 2*time.Hour)
	})
	// Output: a minute later true
}

func ExampleGather() {
	inExample(func(ctx context.Context) error {
		all, err := asyncio.Gather(ctx, asyncio.Coro(double, 3), asyncio.Coro(double, 1), asyncio.Coro(double, 2))
		fmt.Println(all, err)
		return nil
	})
	// Output: [6 2 4] <nil>
}

func ExampleSettlement() {
	inExample(func(ctx context.Context) error {
		all, err := asyncio.Settled(ctx, asyncio.Coro(double, 3), asyncio.Coro0(func(context.Context) (int, error) { return 0, errors.New("no") }))
		fmt.Println(all, err)
		return nil
	})
	// Output: [{6 <nil>} {0 no}] <nil>
}

func ExampleWaitResult() {
	inExample(func(ctx context.Context) error {
		loop, _ := asyncio.RunningLoop()
		tasks := []*asyncio.Task[int]{asyncio.CreateTask(loop, asyncio.Coro(double, 1)), asyncio.CreateTask(loop, asyncio.Coro(double, 9))}
		res, err := asyncio.Wait(ctx, tasks, &asyncio.WaitOptions{When: asyncio.FirstCompleted})
		fmt.Println(len(res.Done), len(res.Pending), err)
		return nil
	})
	// Output: 1 1 <nil>
}

func ExampleAsCompleted() {
	inExample(func(ctx context.Context) error {
		for f, err := range asyncio.AsCompleted(ctx, 5*time.Second, asyncio.Coro(double, 9), asyncio.Coro(double, 2), asyncio.Coro(double, 1)) {
			if err != nil {
				fmt.Println(err)
				break
			}
			fmt.Println(f.Result())
		}
		return nil
	})
	// Output:
	// 2 <nil>
	// 4 <nil>
	// asyncio: timed out
}

func ExampleRace() {
	inExample(func(ctx context.Context) error {
		n, err := asyncio.Race(ctx, asyncio.Coro(double, 9), asyncio.Coro(double, 2))
		fmt.Println(n, err)
		return nil
	})
	// Output: 4 <nil>
}

func ExampleTimeout() {
	inExample(func(ctx context.Context) error {
		err := asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context, t *asyncio.Timeout) error {
			fmt.Println(t)
			_, err := double(ctx, 5)
			return err
		})
		fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
		return nil
	})
	// Output:
	// <Timeout [active] when=1s>
	// asyncio: timed out true
}

func ExampleTaskGroup() {
	inExample(func(ctx context.Context) error {
		return asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for n := range 3 {
				asyncio.Start(g, func(ctx context.Context) (int, error) {
					n, err := double(ctx, n)
					fmt.Println(n)
					return n, err
				})
			}
			return nil
		})
	})
	// Output:
	// 0
	// 2
	// 4
}

func ExampleGroupError() {
	inExample(func(ctx context.Context) error {
		err := asyncio.WithGroup(ctx, &asyncio.GroupOptions{KeepGoing: true}, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for _, name := range []string{"one", "two"} {
				asyncio.Start(g, func(context.Context) (int, error) { return 0, errors.New("no " + name) }).SetName(name)
			}
			return nil
		})
		group, _ := errors.AsType[*asyncio.GroupError](err)
		for _, err := range group.Errors {
			task, _ := errors.AsType[*asyncio.TaskError](err)
			fmt.Println(task.Task, task.Err)
		}
		return nil
	})
	// Output:
	// one no one
	// two no two
}

func ExampleLock() {
	inExample(func(ctx context.Context) error {
		var lock asyncio.Lock
		if err := lock.Acquire(ctx); err != nil {
			return err
		}
		defer lock.Release()
		fmt.Println(&lock)
		return nil
	})
	// Output: <Lock [locked]>
}

func ExampleEvent() {
	inExample(func(ctx context.Context) error {
		var ready asyncio.Event
		asyncio.Go(ctx, func(ctx context.Context) (int, error) {
			asyncio.Sleep(ctx, time.Minute)
			ready.Set()
			return 0, nil
		})
		err := ready.Wait(ctx)
		fmt.Println(&ready, err)
		return nil
	})
	// Output: <Event [set]> <nil>
}

func ExampleCondition() {
	inExample(func(ctx context.Context) error {
		changed := asyncio.NewCondition(nil)
		level := 0
		asyncio.Go(ctx, func(ctx context.Context) (int, error) {
			for range 3 {
				if err := changed.Acquire(ctx); err != nil {
					return 0, err
				}
				level++
				changed.NotifyAll()
				changed.Release()
				asyncio.Sleep(ctx, time.Second)
			}
			return 0, nil
		})
		if err := changed.Acquire(ctx); err != nil {
			return err
		}
		defer changed.Release()
		err := changed.WaitFor(ctx, func() bool { return level >= 3 })
		fmt.Println(level, err)
		return nil
	})
	// Output: 3 <nil>
}

func ExampleSemaphore() {
	inExample(func(ctx context.Context) error {
		two := asyncio.NewBoundedSemaphore(2)
		err := two.Acquire(ctx)
		fmt.Println(two, err)
		return nil
	})
	// Output: <BoundedSemaphore [unlocked, value:1]> <nil>
}

func ExampleBarrier() {
	inExample(func(ctx context.Context) error {
		start := asyncio.NewBarrier(3)
		runner := func(ctx context.Context, n int) (int, error) {
			asyncio.Sleep(ctx, time.Duration(n)*time.Second)
			_, err := start.Wait(ctx)
			return n, err
		}
		all, err := asyncio.Gather(ctx, asyncio.Coro(runner, 1), asyncio.Coro(runner, 2), asyncio.Coro(runner, 3))
		loop, _ := asyncio.RunningLoop()
		fmt.Println(all, err, "all at", loop.Time())
		return nil
	})
	// Output: [1 2 3] <nil> all at 3s
}

func ExampleQueue() {
	inExample(func(ctx context.Context) error {
		q := asyncio.NewQueue[string](1)
		asyncio.Go(ctx, func(ctx context.Context) (int, error) {
			for word := range strings.FieldsSeq("one at a time") {
				if err := q.Put(ctx, word); err != nil {
					return 0, err
				}
			}
			q.Shutdown(false)
			return 0, nil
		})
		for word, err := range q.All(ctx) {
			fmt.Println(word, err)
		}
		return nil
	})
	// Output:
	// one <nil>
	// at <nil>
	// a <nil>
	// time <nil>
}

func ExampleNewPriorityQueue() {
	q := asyncio.NewPriorityQueue(10, cmp.Compare[int])
	for _, n := range []int{3, 1, 2} {
		q.TryPut(n)
	}
	n, err := q.TryGet()
	fmt.Println(n, err)
	// Output: 1 <nil>
}

func ExampleCase() {
	inExample(func(ctx context.Context) error {
		words, numbers := make(chan string), make(chan int, 1)
		numbers <- 7
		_, err := asyncio.Select(ctx,
			asyncio.OnReceive(words, func(s string, ok bool) { fmt.Println("word", s) }),
			asyncio.OnReceive(numbers, func(n int, ok bool) { fmt.Println("number", n) }),
		)
		return err
	})
	// Output: number 7
}

func ExampleExecutor() {
	inExample(func(ctx context.Context) error {
		one := asyncio.NewExecutor(1)
		n, err := asyncio.RunIn(ctx, one, func(context.Context) (int, error) { return 1, nil })
		fmt.Println(n, err)
		n, err = asyncio.ToThread(ctx, func(context.Context) (int, error) { return 2, nil })
		fmt.Println(n, err)
		return nil
	})
	// Output:
	// 1 <nil>
	// 2 <nil>
}

func ExamplePull() {
	inExample(func(ctx context.Context) error {
		next, stop := asyncio.Pull(func(yield func(int) bool) {
			for n := 1; asyncio.Sleep(ctx, time.Second) == nil && yield(n); n++ {
			}
		})
		defer stop()
		a, _ := next()
		b, _ := next()
		fmt.Println(a, b)
		return nil
	})
	// Output: 1 2
}

func ExampleVirtualClock() {
	clock := asyncio.NewVirtualClock()
	opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: clock}}
	asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		return 0, asyncio.Sleep(ctx, 24*time.Hour)
	}, opts)
	fmt.Println(clock.Now())
	// Output: 24h0m0s
}

func ExampleCallGraph() {
	inExample(func(ctx context.Context) error {
		loop, _ := asyncio.RunningLoop()
		loop.CallLater(time.Second, func() {
			g, _ := loop.CaptureCallGraph(context.Background())
			for _, t := range g.Tasks {
				fmt.Println(t.Task.Name(), "awaits", t.Awaits, "for", t.WaitsFor)
			}
		})
		_, err := asyncio.Await(ctx, asyncio.CreateTask(loop, asyncio.Coro(double, 5)))
		return err
	})
	// Output:
	// Task-1 awaits [1] for task 'Task-2'
	// Task-2 awaits [] for sleep
}

func ExampleLoop_PrintCallGraph() {
	inExample(func(ctx context.Context) error {
		loop, _ := asyncio.RunningLoop()
		task := asyncio.CreateTask(loop, asyncio.Coro(double, 5))
		asyncio.Sleep(ctx, 0)
		var tree bytes.Buffer
		err := loop.PrintCallGraph(ctx, &tree)
		fmt.Println(strings.Count(tree.String(), "* Task"), "tasks")
		task.Cancel(nil)
		return err
	})
	// Output: 2 tasks
}

func ExampleStats() {
	inExample(func(ctx context.Context) error {
		loop, _ := asyncio.RunningLoop()
		loop.CallLater(time.Hour, func() {})
		s, err := loop.Stats(ctx)
		fmt.Println(s.Tasks, s.Timers, err)
		return nil
	})
	// Output: 1 1 <nil>
}

func ExampleHooks() {
	hooks := &asyncio.Hooks{TaskDone: func(t asyncio.AnyTask) { fmt.Println(t.Name(), "done") }}
	asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		return asyncio.Await(ctx, asyncio.Go(ctx, value(1)))
	}, &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Hooks: hooks}})
	// Output:
	// Task-2 done
	// Task-1 done
}

func ExampleLoopError() {
	opts := asyncio.LoopOptions{ExceptionHandler: func(_ *asyncio.Loop, e asyncio.LoopError) { fmt.Println(e.Message+":", e.Err) }}
	asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		asyncio.Go(ctx, func(context.Context) (int, error) { return 0, errors.New("nobody asked") })
		return 0, nil
	}, &asyncio.RunOptions{LoopOptions: opts})
	// Output: Task exception was never retrieved: nobody asked
}

func ExamplePanicError() {
	defer func() {
		p := recover().(*asyncio.PanicError)
		fmt.Println(p.Task, p.Value)
	}()
	inExample(func(context.Context) error { panic("at the disco") })
	// Output: Task-1 at the disco
}

func ExampleDeadlockError() {
	opts := asyncio.LoopOptions{ExceptionHandler: func(*asyncio.Loop, asyncio.LoopError) {}}
	logger, _ := logged()
	opts.Logger = logger
	asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		var a, b *asyncio.Task[int]
		a = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, b) })
		b = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, a) })
		_, err := asyncio.Await(ctx, a)
		dead, _ := errors.AsType[*asyncio.DeadlockError](err)
		fmt.Println(strings.Count(dead.Graph, "waits for"), "tasks wait for one another")
		return 0, nil
	}, &asyncio.RunOptions{LoopOptions: opts})
	// Output: 3 tasks wait for one another
}

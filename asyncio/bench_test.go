package asyncio_test

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// inLoop runs body as the main task of a loop.
func inLoop(b *testing.B, e asyncio.Engine, body func(ctx context.Context)) {
	b.ReportAllocs()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		body(ctx)
		return 0, nil
	}, &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e, Watchdog: -1}}) // 100,000 tasks are started in one step
	if err != nil {
		b.Fatal(err)
	}
}

// perEngine runs body on each engine, as impl=asyncio/engine=NAME.
func perEngine(b *testing.B, body func(b *testing.B, ctx context.Context)) {
	for _, e := range engines {
		b.Run("impl=asyncio/engine="+e.String(), func(b *testing.B) {
			inLoop(b, e, func(ctx context.Context) { body(b, ctx) })
		})
	}
}

// BenchmarkStep is one turn of a task: suspend, and be resumed.
func BenchmarkStep(b *testing.B) {
	perEngine(b, func(b *testing.B, ctx context.Context) {
		for b.Loop() {
			asyncio.Sleep(ctx, 0)
		}
	})
	b.Run("impl=iter.Pull", func(b *testing.B) {
		b.ReportAllocs()
		next, stop := iter.Pull(func(yield func(struct{}) bool) {
			for yield(struct{}{}) {
			}
		})
		defer stop()
		for b.Loop() {
			next()
		}
	})
}

// BenchmarkSpawn starts a task and awaits its result.
func BenchmarkSpawn(b *testing.B) {
	perEngine(b, func(b *testing.B, ctx context.Context) {
		one := value(1)
		for b.Loop() {
			asyncio.Await(ctx, asyncio.Go(ctx, one))
		}
	})
	b.Run("impl=go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := make(chan int, 1)
			go func() { c <- 1 }()
			<-c
		}
	})
}

// BenchmarkGather starts many tasks and awaits all.
func BenchmarkGather(b *testing.B) {
	const n = 100_000
	perEngine(b, func(b *testing.B, ctx context.Context) {
		one := value(1)
		tasks := make([]asyncio.Awaitable[int], n)
		for b.Loop() {
			for i := range tasks {
				tasks[i] = asyncio.Go(ctx, one)
			}
			asyncio.Gather(ctx, tasks...)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/task")
	})
	b.Run("impl=go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := make(chan int, 1)
			for range n {
				go func() { c <- 1 }()
			}
			for range n {
				<-c
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/task")
	})
}

// BenchmarkGatherCoroutines makes many coroutines and gathers them.
func BenchmarkGatherCoroutines(b *testing.B) {
	const n = 100_000
	perEngine(b, func(b *testing.B, ctx context.Context) {
		next := func(_ context.Context, i int) (int, error) { return i + 1, nil }
		for b.Loop() {
			all := make([]asyncio.Awaitable[int], n)
			for i := range all {
				all[i] = asyncio.Coro(next, i)
			}
			asyncio.Gather(ctx, all...)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/task")
	})
}

// BenchmarkSleepers lets many tasks sleep for 50 ms.
func BenchmarkSleepers(b *testing.B) {
	const n = 100_000
	perEngine(b, func(b *testing.B, ctx context.Context) {
		nap := func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, 50*time.Millisecond) }
		tasks := make([]asyncio.Awaitable[int], n)
		for b.Loop() {
			for i := range tasks {
				tasks[i] = asyncio.Go(ctx, nap)
			}
			asyncio.Gather(ctx, tasks...)
		}
	})
	b.Run("impl=go", func(b *testing.B) {
		for b.Loop() {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() { time.Sleep(50 * time.Millisecond) })
			}
			wg.Wait()
		}
	})
}

// BenchmarkTimer sets a callback for later and cancels it.
func BenchmarkTimer(b *testing.B) {
	perEngine(b, func(b *testing.B, ctx context.Context) {
		l, _ := asyncio.RunningLoop()
		fn := func() {}
		for b.Loop() {
			l.CallLater(time.Hour, fn).Cancel()
		}
	})
	b.Run("impl=time.Timer", func(b *testing.B) {
		b.ReportAllocs()
		t := time.NewTimer(time.Hour)
		for b.Loop() {
			t.Reset(time.Hour)
			t.Stop()
		}
	})
}

// BenchmarkToThread calls a function on another goroutine, there and back.
func BenchmarkToThread(b *testing.B) {
	perEngine(b, func(b *testing.B, ctx context.Context) {
		one := value(1)
		for b.Loop() {
			asyncio.ToThread(ctx, one)
		}
	})
	b.Run("impl=go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := make(chan int, 1)
			go func() { c <- 1 }()
			<-c
		}
	})
}

// BenchmarkPosts hands callbacks to a loop from another goroutine.
func BenchmarkPosts(b *testing.B) {
	perEngine(b, func(b *testing.B, ctx context.Context) {
		l, _ := asyncio.RunningLoop()
		fn := func() {}
		done := asyncio.NewFuture[int](l)
		go func() {
			for b.Loop() {
				l.CallSoonThreadsafe(fn)
			}
			l.CallSoonThreadsafe(func() { done.SetResult(1) })
		}()
		asyncio.Await(ctx, done)
	})
}

// BenchmarkQueueHop passes one item from task to task through a queue for one.
func BenchmarkQueueHop(b *testing.B) {
	perEngine(b, func(b *testing.B, ctx context.Context) {
		q := asyncio.NewQueue[int](1)
		consumer := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
			for {
				if _, err := q.Get(ctx); err != nil {
					return 0, nil
				}
			}
		})
		for b.Loop() {
			q.Put(ctx, 1)
		}
		q.Shutdown(false)
		asyncio.Await(ctx, consumer)
	})
	b.Run("impl=chan", func(b *testing.B) {
		b.ReportAllocs()
		c := make(chan int, 1)
		done := make(chan int)
		go func() {
			for range c {
			}
			close(done)
		}()
		for b.Loop() {
			c <- 1
		}
		close(c)
		<-done
	})
}

// BenchmarkParked reports what a suspended task takes in memory.
func BenchmarkParked(b *testing.B) {
	const n = 100_000
	used := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapInuse + m.StackInuse)
	}
	b.Run("impl=asyncio", func(b *testing.B) {
		inLoop(b, asyncio.EnginePull, func(ctx context.Context) {
			var gate asyncio.Event
			for b.Loop() {
				before := used()
				tasks := make([]asyncio.Awaitable[int], n)
				for i := range tasks {
					tasks[i] = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, gate.Wait(ctx) })
				}
				asyncio.WaitAllBlocked(ctx)
				b.ReportMetric((used()-before)/n, "B/task")
				gate.Set()
				asyncio.Gather(ctx, tasks...)
				gate.Clear()
			}
		})
	})
	b.Run("impl=iter.Pull", func(b *testing.B) {
		for b.Loop() {
			before := used()
			stops := make([]func(), n)
			for i := range stops {
				next, stop := iter.Pull(func(yield func(int) bool) { yield(1) })
				next()
				stops[i] = stop
			}
			b.ReportMetric((used()-before)/n, "B/task")
			for _, stop := range stops {
				stop()
			}
		}
	})
}

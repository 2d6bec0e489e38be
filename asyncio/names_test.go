package asyncio_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func TestIsRunningIsClosed(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		want := func(running, closed bool) {
			t.Helper()
			if l.IsRunning() != running || l.IsClosed() != closed {
				t.Errorf("IsRunning() = %v, IsClosed() = %v", l.IsRunning(), l.IsClosed())
			}
		}
		want(false, false)
		l.CallSoon(func() {
			want(true, false)
			l.Stop()
			want(true, false)
		})
		if err := l.RunForever(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(false, false)
		l.Close()
		want(false, true)
	})
}

func TestCallAt(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		var tr trace
		say := func(s string) func() { return func() { tr.add("%s at %v", s, l.Time()) } }
		end := l.CallAt(3*time.Second, func() { say("end")(); l.Stop() })
		l.CallAt(2*time.Second, say("b"))
		l.CallLater(2*time.Second, say("c"))
		l.CallAt(time.Second, say("a"))
		l.CallAt(-time.Hour, say("past"))
		soon := l.CallSoon(say("soon"))
		if end.When() != 3*time.Second || soon.When() != 0 || end.Cancelled() {
			t.Errorf("When() = %v and %v", end.When(), soon.When())
		}
		if err := l.RunForever(t.Context()); err != nil {
			t.Fatal(err)
		}
		if end.Cancel() || end.Cancelled() {
			t.Error("a handle was cancelled after its call")
		}
		tr.want(t, "soon at 0s | past at 0s | a at 1s | b at 2s | c at 2s | end at 3s")
	})
}

func TestAllTasks(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			me := asyncio.CurrentTask()
			me.SetName("me")
			for _, name := range []string{"b", "a", "done", "c"} {
				asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					if name == "done" {
						return 0, nil
					}
					return 0, asyncio.Sleep(ctx, time.Second)
				}).SetName(name)
			}
			names := func() string {
				var all []string
				for _, task := range l.AllTasks() {
					all = append(all, task.Name())
				}
				return strings.Join(all, " ")
			}
			if got := names(); got != "me b a done c" {
				t.Errorf("AllTasks() = %s", got)
			}
			asyncio.Sleep(ctx, 0)
			elsewhere := make(chan string)
			go func() { elsewhere <- names() }()
			if got, _, err := asyncio.Receive(ctx, elsewhere); got != "me b a c" || err != nil {
				t.Errorf("AllTasks() on another goroutine = %s, %v", got, err)
			}
			if err := asyncio.Sleep(ctx, time.Minute); err != nil {
				return err
			}
			if got := l.AllTasks(); len(got) != 1 || got[0] != me {
				t.Errorf("AllTasks() = %v", got)
			}
			return nil
		})
	})
}

func TestCallExceptionHandler(t *testing.T) {
	logger, said := logged()
	var told []asyncio.LoopError
	opts := &asyncio.LoopOptions{Logger: logger}
	e := asyncio.LoopError{Message: "the disk is full", Err: errBoom}
	for _, handler := range []func(*asyncio.Loop, asyncio.LoopError){nil, func(_ *asyncio.Loop, e asyncio.LoopError) { told = append(told, e) }} {
		opts.ExceptionHandler = handler
		l := asyncio.NewLoop(opts)
		l.CallExceptionHandler(e)
		l.Close()
	}
	if len(told) != 1 || told[0] != e {
		t.Errorf("the handler was told %v", told)
	}
	if n := strings.Count(said(), `msg="the disk is full"`); n != 1 || !strings.Contains(said(), "boom") {
		t.Errorf("without a handler it said %s", said())
	}
	l := asyncio.NewLoop(opts)
	defer l.Close()
	l.DefaultExceptionHandler(e)
	if n := strings.Count(said(), `msg="the disk is full"`); n != 2 || len(told) != 1 {
		t.Errorf("DefaultExceptionHandler said %s", said())
	}
}

func TestTimeoutRemove(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			return asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context, tm *asyncio.Timeout) error {
				if when, ok := tm.When(); when != time.Second || !ok {
					t.Errorf("When() = %v, %v", when, ok)
				}
				if err := tm.Remove(); err != nil {
					return err
				}
				if _, ok := tm.When(); ok {
					t.Error("When() after Remove")
				}
				return asyncio.Sleep(ctx, time.Hour)
			})
		})
	})
}

// The end of its ctx cancels the coroutine that RunUntilComplete runs, and leaves a
// task alone.
func TestRunUntilCompleteGivenUp(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		var tr trace
		body := func(ctx context.Context) (int, error) {
			err := asyncio.Sleep(ctx, time.Minute)
			tr.add("%v", err)
			return 1, err
		}
		short := func(aw asyncio.Awaitable[int]) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := asyncio.RunUntilComplete(ctx, l, aw); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("RunUntilComplete = %v", err)
			}
		}
		short(asyncio.Coro0(body))
		task := asyncio.CreateTask(l, asyncio.Coro0(body))
		short(task)
		if v, err := asyncio.RunUntilComplete(t.Context(), l, task); v != 1 || err != nil {
			t.Errorf("of the task: %v, %v", v, err)
		}
		tr.want(t, "context deadline exceeded | <nil>")
	})
}

func TestThreadsOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Threads: 2}}
		run(t, opts, func(ctx context.Context) error {
			start := time.Now()
			var jobs []asyncio.Awaitable[int]
			for range 6 {
				jobs = append(jobs, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					return asyncio.ToThread(ctx, func(context.Context) (int, error) {
						most.Store(max(most.Load(), now.Add(1)))
						time.Sleep(time.Second)
						now.Add(-1)
						return 0, nil
					})
				}))
			}
			_, err := asyncio.Gather(ctx, jobs...)
			if most.Load() != 2 || time.Since(start) != 3*time.Second {
				t.Errorf("at most %d at a time, took %v", most.Load(), time.Since(start))
			}
			return err
		})
	})
}

func TestSlowStep(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		opts.Logger, opts.Debug, opts.SlowStep, opts.Watchdog = logger, true, time.Second, -1
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			l.CallSoon(func() { time.Sleep(900 * time.Millisecond) })
			l.CallSoon(func() { time.Sleep(1100 * time.Millisecond) })
			return asyncio.Sleep(ctx, 0)
		})
		if strings.Count(said(), "took ") != 1 || !strings.Contains(said(), "took 1.100 seconds") {
			t.Errorf("said %s", said())
		}
	})
}

func TestPull2(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var slow iter.Seq2[int, string] = func(yield func(int, string) bool) {
				for i, s := range []string{"a", "b", "c"} {
					if asyncio.Sleep(ctx, time.Second) != nil || !yield(i, s) {
						return
					}
				}
			}
			next, stop := asyncio.Pull2(slow)
			defer stop()
			got := map[int]string{}
			for range 2 {
				i, s, ok := next()
				if !ok {
					t.Error("the sequence is over")
				}
				got[i] = s
			}
			stop()
			if i, s, ok := next(); ok {
				t.Errorf("after stop: %d %s", i, s)
			}
			if !maps.Equal(got, map[int]string{0: "a", 1: "b"}) {
				t.Errorf("got %v", got)
			}
			return nil
		})
	})
}

// A coroutine of each number of arguments, closed and run.
func TestCoroutines(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		var tr trace
		coros := func() []*asyncio.Coroutine[int] {
			say := func(n int) (int, error) { tr.add("%d", n); return n, nil }
			return []*asyncio.Coroutine[int]{
				asyncio.Coro0(func(context.Context) (int, error) { return say(0) }),
				asyncio.Coro(func(_ context.Context, a int) (int, error) { return say(a) }, 1),
				asyncio.Coro2(func(_ context.Context, a int, b string) (int, error) { return say(a + len(b)) }, 1, "x"),
				asyncio.Coro3(func(_ context.Context, a int, b string, c bool) (int, error) { return say(a + len(b)) }, 1, "xx", true),
			}
		}
		for _, c := range coros() {
			c.Close()
			if _, err := asyncio.RunUntilComplete(t.Context(), l, c); err == nil {
				t.Error("a closed coroutine ran")
			}
		}
		var got []int
		for _, c := range coros() {
			v, err := asyncio.RunUntilComplete(t.Context(), l, c)
			if err != nil {
				t.Error(err)
			}
			got = append(got, v)
		}
		if !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Errorf("got %v", got)
		}
		tr.want(t, "0 | 1 | 2 | 3")
	})
}

// Cancelling a task that awaits another does not cancel the other.
func TestCancelEndsTheWait(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			other := asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) { return 7, asyncio.Sleep(ctx, time.Second) }))
			waits := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, other) })
			asyncio.Sleep(ctx, 0)
			waits.Cancel(nil)
			if !waits.Cancelling() || other.Cancelling() {
				t.Errorf("Cancelling() = %v, of the other %v", waits.Cancelling(), other.Cancelling())
			}
			if _, err := asyncio.Await(ctx, waits); !errors.Is(err, context.Canceled) {
				t.Errorf("the one that waits: %v", err)
			}
			v, err := asyncio.Await(ctx, other)
			if v != 7 {
				t.Errorf("the other: %v, %v", v, err)
			}
			return err
		})
	})
}

// A task has the values of the ctx it was made with, as contextvars there.
func TestValuesOfTasks(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			read := func(ctx context.Context) (any, error) {
				asyncio.Sleep(ctx, 0)
				return ctx.Value(testKey{}), nil
			}
			inner := context.WithValue(ctx, testKey{}, "inner")
			got, err := asyncio.Gather(ctx, asyncio.Go(ctx, read), asyncio.Go(inner, read), asyncio.GoEager(inner, read))
			if !slices.Equal(got, []any{nil, "inner", "inner"}) {
				t.Errorf("values %v", got)
			}
			return err
		})
	})
}

// Len and Cap answer what Python asks with qsize, maxsize, empty and full.
func TestQueueSizes(t *testing.T) {
	for want, q := range map[int]*asyncio.Queue[int]{2: asyncio.NewQueue[int](2), asyncio.Unbounded: asyncio.NewQueue[int](asyncio.Unbounded)} {
		if q.Len() != 0 || q.Cap() != want {
			t.Errorf("empty: Len %d, Cap %d, want Cap %d", q.Len(), q.Cap(), want)
		}
		for i := range 2 {
			if err := q.TryPut(i); err != nil || q.Len() != i+1 {
				t.Errorf("after %d: Len %d, %v", i+1, q.Len(), err)
			}
		}
		if err := q.TryPut(9); errors.Is(err, asyncio.ErrQueueFull) != (q.Len() == q.Cap()) {
			t.Errorf("of %d: %v", q.Cap(), err)
		}
		for q.Len() > 0 {
			if _, err := q.TryGet(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := q.TryGet(); !errors.Is(err, asyncio.ErrQueueEmpty) {
			t.Errorf("empty: %v", err)
		}
	}
}

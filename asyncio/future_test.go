package asyncio_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

var errBoom = errors.New("boom")

func TestFutureStates(t *testing.T) {
	l := asyncio.NewLoop(nil)
	defer l.Close()
	f := asyncio.NewFuture[int](l)
	if _, err := f.Result(); !errors.Is(err, asyncio.ErrInvalidState) || !strings.Contains(err.Error(), "result is not ready") {
		t.Errorf("Result() of a pending future: %v", err)
	}
	if err := f.Err(); !errors.Is(err, asyncio.ErrInvalidState) || !strings.Contains(err.Error(), "exception is not set") {
		t.Errorf("Err() of a pending future: %v", err)
	}
	if err := f.SetResult(5); err != nil {
		t.Error(err)
	}
	if err := f.SetResult(6); !errors.Is(err, asyncio.ErrInvalidState) {
		t.Errorf("second SetResult: %v", err)
	}
	if err := f.SetError(errBoom); !errors.Is(err, asyncio.ErrInvalidState) {
		t.Errorf("SetError after SetResult: %v", err)
	}
	if f.Cancel(nil) {
		t.Error("Cancel of a done future = true")
	}
	if v, err := f.Result(); v != 5 || err != nil || !f.Done() || f.Cancelled() {
		t.Errorf("Result() = %v, %v", v, err)
	}
	c := asyncio.NewFuture[int](l)
	if !c.Cancel(errBoom) || !c.Cancelled() || !c.Done() {
		t.Error("Cancel")
	}
	if err := c.Err(); !errors.Is(err, errBoom) || !errors.Is(err, context.Canceled) {
		t.Errorf("Err() of a cancelled future: %v", err)
	}
}

// Waiters and callbacks become ready when the result is set, in the order they
// came, before what is scheduled later.
func TestFutureOrder(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			f := asyncio.NewFuture[int](l)
			for _, name := range []string{"A", "B"} {
				asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					v, err := asyncio.Await(ctx, f)
					tr.add("%s %d", name, v)
					return v, err
				})
			}
			asyncio.Sleep(ctx, 0)
			f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("cb") })
			tr.add("set")
			f.SetResult(1)
			l.CallSoon(func() { tr.add("soon") })
			asyncio.Sleep(ctx, 0)
			tr.add("after1")
			f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("late cb") })
			asyncio.Sleep(ctx, 0)
			return nil
		})
		tr.want(t, "set | A 1 | B 1 | cb | soon | after1 | late cb")
	})
}

// A future may be completed by any goroutine, and awaited by tasks and others.
func TestFutureFromAnywhere(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var wg sync.WaitGroup
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			f := asyncio.NewFuture[string](l)
			wg.Go(func() {
				if v, err := asyncio.Await(ctx, f); v != "x" || err != nil {
					t.Errorf("Await in a goroutine = %v, %v", v, err)
				}
			})
			wg.Go(func() {
				time.Sleep(time.Second)
				f.SetResult("x")
			})
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			if _, err := asyncio.Await(short, f); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Await with a short ctx: %v", err)
			}
			v, err := asyncio.Await(ctx, f)
			if v != "x" {
				t.Errorf("Await = %v", v)
			}
			return err
		})
		wg.Wait()
	})
}

func TestResultBeatsCancel(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			f := asyncio.NewFuture[int](l)
			task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				v, err := asyncio.Await(ctx, f)
				if v != 9 || err != nil {
					t.Errorf("Await = %v, %v", v, err)
				}
				if err := asyncio.Sleep(ctx, 0); !errors.Is(err, context.Canceled) {
					t.Errorf("the next await: %v", err)
				}
				return v, nil
			})
			asyncio.Sleep(ctx, 0)
			f.SetResult(9)
			task.Cancel(nil)
			v, err := asyncio.Await(ctx, task)
			if v != 9 || task.Cancelled() {
				t.Errorf("task returned %v, %v", v, err)
			}
			return err
		})
	})
}

func TestNeverStartedTaskRunsCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			released := false
			task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				defer func() { released = true }()
				return 0, asyncio.Sleep(ctx, time.Second)
			})
			task.Cancel(nil)
			_, err := asyncio.Await(ctx, task)
			if !released || !task.Cancelled() || !errors.Is(err, context.Canceled) {
				t.Errorf("released %v, %v, %v", released, task, err)
			}
			return nil
		})
	})
}

// Cancelling a task cancels the tasks it made with its context; those of the
// loop, and those of a task that returned, go on.
func TestCancelReachesTasksBelow(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			sleeper := func(name string) func(context.Context) (int, error) {
				return func(ctx context.Context) (int, error) {
					err := asyncio.Sleep(ctx, time.Second)
					tr.add("%s %v", name, err)
					return 0, err
				}
			}
			parent := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				asyncio.Go(ctx, sleeper("child"))
				asyncio.Go(context.WithValue(ctx, testKey{}, "v"), sleeper("child of a derived ctx"))
				return 0, asyncio.Sleep(ctx, time.Minute)
			})
			asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				asyncio.Go(ctx, sleeper("orphan"))
				return 0, nil
			})
			asyncio.Sleep(ctx, time.Millisecond)
			parent.Cancel(nil)
			return asyncio.Sleep(ctx, time.Minute)
		})
		if len(tr) != 3 || tr[2] != "orphan <nil>" {
			t.Errorf("trace %q", tr)
		}
	})
}

// The context of a task ends when the task has finished, and so does what is
// derived from it; the tasks it started go on.
func TestCtxOfFinishedTask(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var raw, derived context.Context
			var child *asyncio.Task[int]
			_, err := asyncio.Await(ctx, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				raw = ctx
				d, cancel := context.WithTimeout(context.WithValue(ctx, testKey{}, "v"), time.Hour)
				derived, _ = d, cancel
				child = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 1, asyncio.Sleep(ctx, time.Second) })
				return 0, nil
			}))
			if err != nil {
				return err
			}
			if raw.Err() != context.Canceled || derived.Err() != context.Canceled || !strings.Contains(context.Cause(derived).Error(), "task has finished") {
				t.Errorf("%v, %v, %v", raw.Err(), derived.Err(), context.Cause(derived))
			}
			_, err = asyncio.Await(ctx, child)
			return err
		})
	})
}

// The error and the cause of a scope are those of every context below it.
func TestCtxErrors(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			return asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context, _ *asyncio.Timeout) error {
				before, cancel := context.WithCancel(context.WithValue(ctx, testKey{}, "v"))
				defer cancel()
				asyncio.Sleep(ctx, time.Hour)
				after, cancel := context.WithCancel(ctx)
				defer cancel()
				for name, c := range map[string]context.Context{"own": ctx, "derived before": before, "derived after": after} {
					<-c.Done()
					if c.Err() != context.DeadlineExceeded || context.Cause(c) != asyncio.ErrTimeout {
						t.Errorf("%s: %v, %v", name, c.Err(), context.Cause(c))
					}
				}
				return nil
			})
		})
	})
}

func TestSelfAwait(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var task *asyncio.Task[int]
			task = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, task) })
			if _, err := asyncio.Await(ctx, task); !errors.Is(err, asyncio.ErrSelfAwait) {
				t.Errorf("Await = %v", err)
			}
			return nil
		})
	})
}

func TestCoroutineRunsOnce(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		runs := 0
		c := asyncio.Coro3(func(ctx context.Context, a, b int, s string) (int, error) {
			runs++
			return a + b + len(s), nil
		}, 1, 2, "xyz")
		if runs != 0 {
			t.Error("Coro3 ran")
		}
		if v, err := asyncio.Await(t.Context(), c); v != 6 || err != nil {
			t.Errorf("Await = %v, %v", v, err)
		}
		if _, err := asyncio.Await(t.Context(), c); !errors.Is(err, asyncio.ErrCoroutineReused) {
			t.Errorf("second Await: %v", err)
		}
		task := asyncio.CreateTask(l, c)
		if _, err := task.Result(); !errors.Is(err, asyncio.ErrCoroutineReused) {
			t.Errorf("CreateTask: %v", err)
		}
		if _, err := asyncio.RunUntilComplete(t.Context(), l, c); !errors.Is(err, asyncio.ErrCoroutineReused) {
			t.Errorf("RunUntilComplete: %v", err)
		}
		if runs != 1 {
			t.Errorf("ran %d times", runs)
		}
	})
}

func TestEnsureFuture(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		f := asyncio.NewFuture[int](l)
		if asyncio.EnsureFuture(l, f) != asyncio.AnyFuture[int](f) {
			t.Error("a future came back as another")
		}
		task := asyncio.EnsureFuture(l, asyncio.Coro0(value(3)))
		if asyncio.EnsureFuture(l, task) != task {
			t.Error("a task came back as another")
		}
		if v, err := asyncio.RunUntilComplete(t.Context(), l, task); v != 3 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
	})
}

func TestCoroutineNeverRun(t *testing.T) {
	logger, said := logged()
	defer setDefaultLogger(logger)()
	func() { asyncio.Coro0(value(1)) }()
	func() { asyncio.Coro0(value(2)).Close() }()
	collect(t, func() bool { return strings.Contains(said(), "never awaited") })
	if n := strings.Count(said(), "never awaited"); n != 1 || !strings.Contains(said(), "asyncio_test.") {
		t.Errorf("said %d times: %s", n, said())
	}
}

// A coroutine that was made on a loop is reported when that closes, at the latest,
// if it has not run by then: in its iteration, in a later one, or elsewhere.
func TestCoroutineNeverRunOnLoop(t *testing.T) {
	logger, said := logged()
	var kept []*asyncio.Coroutine[int]
	opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Logger: logger}}
	run(t, opts, func(ctx context.Context) error {
		for i := range 6 {
			kept = append(kept, asyncio.Coro0(value(i)))
		}
		asyncio.Await(ctx, kept[0])
		asyncio.Sleep(ctx, 0)
		asyncio.Await(ctx, kept[1])
		kept[2].Close()
		asyncio.ToThread(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, kept[3]) })
		kept = append(kept, asyncio.Coro0(value(6)))
		for range 5000 { // in one iteration
			if _, err := asyncio.Await(ctx, asyncio.Coro0(value(1))); err != nil {
				return err
			}
		}
		return nil
	})
	const want = 3
	if n := strings.Count(said(), "never awaited"); n != want {
		t.Errorf("said %d times, want %d: %s", n, want, said())
	}
	if v, err := asyncio.Await(t.Context(), kept[4]); v != 4 || err != nil {
		t.Errorf("afterwards it runs all the same: %v, %v", v, err)
	}
	clear(kept)
	runtime.GC()
	if n := strings.Count(said(), "never awaited"); n != want {
		t.Errorf("said %d times after a collection, want %d", n, want)
	}
}

// An error that nobody asked for is reported once: when the task is garbage, or
// when the loop closes, and then it is part of Run's error.
func TestLostError(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		opts.Logger = logger
		fails := func(context.Context) (int, error) { return 0, errBoom }
		v, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			asyncio.Go(ctx, fails).SetName("lost")
			asked := asyncio.Go(ctx, fails)
			asyncio.Sleep(ctx, 0)
			asked.Err()
			cancelled := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, ctx.Err() })
			cancelled.Cancel(nil)
			asyncio.Sleep(ctx, 0)
			return 5, nil
		}, opts)
		if v != 5 || !errors.Is(err, errBoom) || !strings.Contains(err.Error(), "lost") {
			t.Errorf("Run = %v, %v", v, err)
		}
		if n := strings.Count(said(), "Task exception was never retrieved"); n != 1 {
			t.Errorf("said %d times: %s", n, said())
		}
	})
}

func TestLostErrorOfGarbage(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			logger, said := logged()
			opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e, Logger: logger}}
			_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
				asyncio.Go(ctx, func(context.Context) (int, error) { return 0, errBoom })
				for range 4 {
					asyncio.Sleep(ctx, 0)
				}
				collect(t, func() bool { return said() != "" })
				return 0, nil
			}, opts)
			if !errors.Is(err, errBoom) {
				t.Errorf("Run: %v", err)
			}
			if n := strings.Count(said(), "never retrieved"); n != 1 {
				t.Errorf("said %d times: %s", n, said())
			}
		})
	}
}

// collect collects garbage until cond holds.
func collect(t *testing.T, cond func() bool) {
	t.Helper()
	for range 1000 {
		runtime.GC()
		if cond() {
			return
		}
		runtime.Gosched()
	}
	t.Error("the garbage collector found nothing")
}

// Tasks are held by their loop: no garbage collection ends one.
func TestTasksAreHeld(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		done := 0
		run(t, opts, func(ctx context.Context) error {
			for range 10 {
				asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					defer func() { done++ }()
					return 0, asyncio.Sleep(ctx, time.Second)
				})
			}
			asyncio.Sleep(ctx, 0)
			runtime.GC()
			runtime.GC()
			return asyncio.Sleep(ctx, 2*time.Second)
		})
		if done != 10 {
			t.Errorf("%d tasks ended", done)
		}
	})
}

func TestGoexit(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, _ := logged()
		opts.Logger = logger
		run(t, opts, func(ctx context.Context) error {
			task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				defer asyncio.Sleep(ctx, time.Second) // a defer may still wait
				runtime.Goexit()
				return 0, nil
			})
			if _, err := asyncio.Await(ctx, task); !errors.Is(err, asyncio.ErrGoexit) {
				t.Errorf("Await = %v", err)
			}
			_, err := asyncio.Await(ctx, asyncio.Go(ctx, value(1)))
			return err
		})
		exited := make(chan bool)
		go func() {
			returned := false
			defer func() { exited <- !returned }()
			asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
				runtime.Goexit()
				return 0, nil
			}, opts)
			returned = true
		}()
		if !<-exited {
			t.Error("Run returned though main called Goexit")
		}
	})
}

func TestCloseAfterGoexitLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := asyncio.NewLoop(nil)
		task := asyncio.CreateTask(l, asyncio.Coro0(func(context.Context) (int, error) {
			runtime.Goexit()
			return 0, nil
		}))
		if _, err := asyncio.RunUntilComplete(t.Context(), l, task); !errors.Is(err, asyncio.ErrGoexit) {
			t.Errorf("RunUntilComplete: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

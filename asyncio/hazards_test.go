package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/internal/ccall"
)

// TestHazards holds what can go wrong with coroutines in Go, each with its
// containment. One of the known ones has no test here: missed races are what
// running all of this under -race is for.
func TestHazards(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			for name, f := range hazards {
				t.Run(name, func(t *testing.T) {
					f(t, &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e}})
				})
			}
		})
	}
}

var hazards = map[string]func(t *testing.T, opts *asyncio.RunOptions){
	// The ctx of a task in a foreign goroutine: that goroutine blocks, and the
	// task keeps the loop for itself.
	"foreign_goroutine": func(t *testing.T, opts *asyncio.RunOptions) {
		synctest.Test(t, func(t *testing.T) {
			alone := true
			run(t, opts, func(ctx context.Context) error {
				task(ctx, func(ctx context.Context) error {
					for range 100 {
						alone = false
						asyncio.Sleep(ctx, 0)
					}
					return nil
				})
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						if err := asyncio.Sleep(ctx, time.Second); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait() // blocks the loop: nothing else may run
				if !alone {
					t.Error("another task ran while this one had not awaited")
				}
				return nil
			})
		})
	},
	// A goroutine that gets the identity of a finished task's is nobody's.
	"identity_reused": func(t *testing.T, opts *asyncio.RunOptions) {
		l := asyncio.NewLoop(&opts.LoopOptions)
		for range 20 {
			if _, err := asyncio.RunUntilComplete(t.Context(), l, asyncio.Coro0(value(1))); err != nil {
				t.Fatal(err)
			}
		}
		l.Close()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if asyncio.CurrentTask() != nil {
					t.Error("a plain goroutine was taken for a task")
				}
			})
		}
		wg.Wait()
	},
	// Goexit ends its task alone; in main it ends Run's caller, as t.FailNow must.
	"goexit": func(t *testing.T, opts *asyncio.RunOptions) {
		opts.Logger, _ = logged()
		run(t, opts, func(ctx context.Context) error {
			_, err := asyncio.Await(ctx, task(ctx, func(context.Context) error {
				runtime.Goexit()
				return nil
			}))
			if err == nil || err.Error() != "asyncio: task ended by runtime.Goexit" {
				t.Errorf("Await: %v", err)
			}
			return nil
		})
		returned := false
		done := make(chan struct{})
		go func() {
			defer close(done)
			asyncio.Run(t.Context(), func(context.Context) (int, error) {
				runtime.Goexit()
				return 0, nil
			}, opts)
			returned = true
		}()
		if <-done; returned {
			t.Error("Run returned after Goexit in main")
		}
	},
	// The stack of a panic is the task's.
	"panic_stack": func(t *testing.T, opts *asyncio.RunOptions) {
		defer func() {
			p, ok := recover().(*asyncio.PanicError)
			if !ok || !strings.Contains(string(p.Stack), "asyncio_test.panicsDeep") {
				t.Errorf("recovered %v", p)
			}
			if !strings.HasPrefix(p.Error(), "asyncio: panic in Task-2: deep\n\ngoroutine ") {
				t.Errorf("text %q", p.Error()[:60])
			}
		}()
		asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			return asyncio.Await(ctx, task(ctx, func(context.Context) error { panicsDeep(); return nil }))
		}, opts)
	},
	// Awaiting on a locked thread: the runtime ends the program on EnginePull, and
	// EngineHandoff is for that.
	"locked_thread": func(t *testing.T, opts *asyncio.RunOptions) {
		if opts.Engine == asyncio.EngineHandoff {
			run(t, opts, awaitLocked)
			return
		}
		dies(t, "locked_thread")
	},
	// Awaiting inside a callback from C: the same.
	"c_callback": func(t *testing.T, opts *asyncio.RunOptions) {
		if !ccall.Possible {
			t.Skip("built without cgo")
		}
		if opts.Engine == asyncio.EngineHandoff {
			run(t, opts, awaitBelowC)
			return
		}
		dies(t, "c_callback")
	},
	// A call that is not ours blocks the loop; ToThread takes it off.
	"blocking_call": func(t *testing.T, opts *asyncio.RunOptions) {
		synctest.Test(t, func(t *testing.T) {
			var tr trace
			opts.Watchdog = -1
			run(t, opts, func(ctx context.Context) error {
				ticker := func(n int) *asyncio.Task[int] {
					return task(ctx, func(ctx context.Context) error {
						for range n {
							asyncio.Sleep(ctx, time.Second)
							tr.add("tick")
						}
						return nil
					})
				}
				tick := ticker(1)
				asyncio.Sleep(ctx, 0)
				time.Sleep(10 * time.Second)
				tr.add("blocked")
				asyncio.Await(ctx, tick)
				ticker(2)
				asyncio.ToThread(ctx, func(context.Context) (int, error) {
					time.Sleep(10 * time.Second)
					return 0, nil
				})
				tr.add("suspended")
				return nil
			})
			tr.want(t, "blocked | tick | tick | tick | suspended")
		})
	},
	// A loop that is closed leaves no goroutine, whatever its tasks were at.
	"leak": func(t *testing.T, opts *asyncio.RunOptions) {
		synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
			l := asyncio.NewLoop(&opts.LoopOptions)
			for i := range 100 {
				asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) {
					next, stop := asyncio.Pull(func(yield func(int) bool) {
						for asyncio.Sleep(ctx, time.Hour) == nil && yield(1) {
						}
					})
					defer stop()
					if i%2 == 0 {
						next()
					}
					return 0, asyncio.Sleep(ctx, time.Hour)
				}))
			}
			l.CallSoon(l.Stop)
			l.RunForever(t.Context())
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	},
	// A loop is not run twice at the same time.
	"reentry": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			c := asyncio.Coro0(value(1))
			defer c.Close()
			_, err := asyncio.RunUntilComplete(ctx, l, c)
			if err == nil || err.Error() != "asyncio: event loop is already running" {
				t.Errorf("RunUntilComplete: %v", err)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := l.RunForever(ctx); !errors.Is(err, asyncio.ErrLoopRunning) {
					t.Errorf("RunForever elsewhere: %v", err)
				}
			})
			return asyncio.WaitGroup(ctx, &wg)
		})
	},
	// The goroutine that runs a loop may change between runs.
	"other_goroutine_runs": func(t *testing.T, opts *asyncio.RunOptions) {
		l := asyncio.NewLoop(&opts.LoopOptions)
		defer l.Close()
		gate := asyncio.NewFuture[int](l)
		task := asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) { return asyncio.Await(ctx, gate) }))
		l.CallSoon(l.Stop)
		l.RunForever(t.Context())
		done := make(chan int)
		go func() {
			gate.SetResult(3)
			v, _ := asyncio.RunUntilComplete(context.Background(), l, task)
			done <- v
		}()
		if v := <-done; v != 3 {
			t.Errorf("got %d", v)
		}
	},
	// Goroutines of tasks carry the label of their loop in profiles.
	"labels": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			task(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
			asyncio.Sleep(ctx, 0)
			var dump strings.Builder
			pprof.Lookup("goroutine").WriteTo(&dump, 1)
			if !strings.Contains(dump.String(), `# labels: {"asyncio.loop":"`) {
				t.Error("no label")
			}
			return nil
		})
	},
	// Finished tasks leave their goroutines to the next ones, a bounded number of
	// them once the loop has nothing to do.
	"pool": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			for range 3 {
				var ts []*asyncio.Task[int]
				for range 1500 {
					ts = append(ts, task(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, 0) }))
				}
				gather(ctx, ts)
			}
			asyncio.WaitAllBlocked(ctx) // the loop has nothing else to do
			s, err := l.Stats(ctx)
			if s.Idle != 1024 {
				t.Errorf("%d goroutines are kept", s.Idle)
			}
			return err
		})
	},
	// A context derived from a task's costs no goroutine, and ends with it at once.
	"derived_context": func(t *testing.T, opts *asyncio.RunOptions) {
		opts.Watchdog = -1
		run(t, opts, func(ctx context.Context) error {
			before := runtime.NumGoroutine()
			child := task(ctx, func(ctx context.Context) error {
				derived, cancel := context.WithTimeout(context.WithValue(ctx, testKey{}, 1), time.Hour)
				defer cancel()
				if n := runtime.NumGoroutine(); n > before+1 {
					t.Errorf("%d goroutines, %d before", n, before)
				}
				err := asyncio.Sleep(derived, time.Hour)
				if derived.Err() != context.Canceled || context.Cause(derived) != errBoom {
					t.Errorf("derived ctx: %v, %v", derived.Err(), context.Cause(derived))
				}
				return err
			})
			asyncio.Sleep(ctx, 0)
			child.Cancel(errBoom)
			_, err := asyncio.Await(ctx, child)
			if !errors.Is(err, errBoom) {
				t.Errorf("Await: %v", err)
			}
			return nil
		})
	},
	// A callback has no task that could be suspended.
	"callback_waits": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			said := asyncio.NewFuture[error](l)
			l.CallSoon(func() { said.SetResult(asyncio.Sleep(ctx, time.Second)) })
			err, _ := asyncio.Await(ctx, said)
			if err == nil || err.Error() != "asyncio: a callback of the loop cannot wait; start a task" {
				t.Errorf("Sleep: %v", err)
			}
			return nil
		})
	},
}

//go:noinline
func panicsDeep() { panic("deep") }

const hazardEnv = "ASYNCIO_TEST_HAZARD"

// awaitLocked awaits on a locked thread, while another task is to run.
func awaitLocked(ctx context.Context) error {
	asyncio.Go(ctx, value(1))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return asyncio.Sleep(ctx, 0)
}

// awaitBelowC awaits in a function that C calls, while another task is to run.
func awaitBelowC(ctx context.Context) (err error) {
	asyncio.Go(ctx, value(1))
	ccall.Call(func() { err = asyncio.Sleep(ctx, 0) })
	return err
}

// hazard runs the program that hazardEnv names, in a child of the tests.
func hazard(name string) int {
	body := map[string]func(context.Context) error{"locked_thread": awaitLocked, "c_callback": awaitBelowC}[name]
	if body == nil {
		fmt.Fprintln(os.Stderr, "no hazard", name)
		return 2
	}
	asyncio.Run(context.Background(), func(ctx context.Context) (int, error) { return 0, body(ctx) }, nil)
	return 0
}

// dies runs the hazard name in a child, which is to be ended by the Go runtime.
func dies(t *testing.T, name string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hazardEnv+"="+name, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "fatal error: coro: OS thread locking must match locking at coroutine creation") {
		t.Errorf("%v\n%s", err, out)
	}
}

package asyncio_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// Two tasks on two locks: both get the cycle as their error.
func TestDeadlock(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		opts.Logger = logger
		run(t, opts, func(ctx context.Context) error {
			var a, b asyncio.Lock
			ab, ba := asyncio.Go(ctx, lockBoth(&a, &b)), asyncio.Go(ctx, lockBoth(&b, &a))
			ab.SetName("ab")
			ba.SetName("ba")
			bystander := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				var e asyncio.Event
				return 0, e.Wait(ctx)
			})
			_, err := asyncio.Gather(ctx, ab, ba)
			dead, ok := errors.AsType[*asyncio.DeadlockError](err)
			if !ok {
				t.Fatalf("Gather: %v", err)
			}
			for _, want := range []string{"task 'ab' at place_test.go:29 waits for <Lock [locked, waiters:1]> of 'ba'", "task 'ba' at place_test.go:29 waits for <Lock [locked, waiters:1]> of 'ab'"} {
				if !strings.Contains(dead.Graph, want) {
					t.Errorf("no %q in\n%s", want, dead.Graph)
				}
			}
			if bystander.Done() || a.Locked() || b.Locked() {
				t.Error("more or less than the cycle was ended")
			}
			bystander.Cancel(nil)
			return nil
		})
		if n := strings.Count(said(), "msg=deadlock"); n != 1 {
			t.Errorf("said %s", said())
		}
	})
}

// Tasks that await each other are a deadlock too, and one that another goroutine
// may still end is none.
func TestDeadlockOfTasks(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		opts.Logger = slog.New(slog.DiscardHandler)
		run(t, opts, func(ctx context.Context) error {
			var a, b *asyncio.Task[int]
			a = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, b) })
			b = asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, a) })
			_, err := asyncio.Await(ctx, a)
			if _, ok := errors.AsType[*asyncio.DeadlockError](err); !ok {
				t.Errorf("Await: %v", err)
			}
			asyncio.Await(ctx, b)
			var e asyncio.Event
			go func() {
				time.Sleep(time.Hour)
				e.Set()
			}()
			return e.Wait(ctx)
		})
	})
}

func TestCallGraph(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			var gate asyncio.Event
			leaf := asyncio.CreateTask(l, asyncio.Coro(graphOuter, &gate))
			leaf.SetName("leaf")
			top := asyncio.Go(ctx, func(ctx context.Context) ([]int, error) { return asyncio.Gather(ctx, leaf, leaf) })
			top.SetName("top")
			other := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Await(ctx, leaf) })
			other.SetName("other")
			settle(ctx)
			var out bytes.Buffer
			if err := l.PrintCallGraph(ctx, &out); err != nil {
				return err
			}
			want := []string{
				`* Task "top" asyncio_test.TestCallGraph.`,
				`    * Task "leaf" asyncio_test.graphOuter() waits for <Event [unset, waiters:1]>`,
				`      | place_test.go:19 asyncio_test.graphInner()`,
				`      | place_test.go:20 asyncio_test.graphOuter()`,
				`* Task "other" asyncio_test.TestCallGraph.`,
				`    * Task "leaf" (above)`,
			}
			rest := out.String()
			for _, w := range want {
				_, after, ok := strings.Cut(rest, w)
				if !ok {
					t.Errorf("no %q after what is above in\n%s", w, out.String())
					break
				}
				rest = after
			}
			if n := strings.Count(out.String(), "graphInner"); n != 1 {
				t.Errorf("the leaf was written %d times", n)
			}
			done := make(chan error)
			go func() {
				g, err := l.CaptureCallGraph(context.Background())
				if err == nil && len(g.Tasks) != 4 {
					err = errors.New(g.String())
				}
				done <- err
			}()
			err, _, _ := asyncio.Receive(ctx, done)
			gate.Set()
			return err
		})
	})
}

// A graph with a cycle and with many awaiters is finite.
func TestCallGraphOfManyAwaiters(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			var gate asyncio.Event
			level := []*asyncio.Task[int]{asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, gate.Wait(ctx) })}
			for range 20 {
				below := level
				level = nil
				for range 2 {
					level = append(level, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
						_, err := asyncio.Wait(ctx, below, nil)
						return 0, err
					}))
				}
			}
			settle(ctx)
			g, err := l.CaptureCallGraph(ctx)
			if err != nil {
				return err
			}
			if n := strings.Count(g.String(), "\n"); n > 400 {
				t.Errorf("%d lines", n)
			}
			gate.Set()
			return nil
		})
	})
}

func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			for range 3 {
				asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, time.Hour) })
			}
			asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				return asyncio.ToThread(ctx, func(context.Context) (int, error) {
					time.Sleep(time.Second)
					return 0, nil
				})
			})
			asyncio.Sleep(ctx, 0)
			s, err := l.Stats(ctx)
			s.Steps, s.Turns = 0, 0
			if want := (asyncio.Stats{Tasks: 5, Created: 5, Timers: 3, Outside: 1, Threads: 1}); s != want {
				t.Errorf("Stats = %+v, want %+v", s, want)
			}
			return err
		})
	})
}

func TestHooks(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		opts.Hooks = &asyncio.Hooks{
			TaskCreated: func(t asyncio.AnyTask) { tr.add("created %s", t.Name()) },
			BeforeStep:  func(t asyncio.AnyTask) { tr.add("step %s", t.Name()) },
			AfterStep:   func(t asyncio.AnyTask, ran time.Duration) { tr.add("ran %s %v", t.Name(), ran) },
			TaskDone:    func(t asyncio.AnyTask) { tr.add("done %s", t.Name()) },
			BeforeSleep: func(d time.Duration) { tr.add("sleep %v", d) },
			AfterSleep:  func() { tr.add("awake") },
		}
		run(t, opts, func(ctx context.Context) error {
			tr.add("body")
			return asyncio.Sleep(ctx, time.Second)
		})
		tr.want(t, "created Task-1 | step Task-1 | body | ran Task-1 0s | sleep 1s | awake | step Task-1 | ran Task-1 0s | done Task-1")
	})
}

func TestDebugMode(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		opts.Logger, opts.Debug, opts.Watchdog = logger, true, -1
		asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			l, _ := asyncio.RunningLoop()
			slow := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				time.Sleep(120 * time.Millisecond)
				return 0, errBoom
			})
			slow.SetName("slow")
			if s := slow.String(); !l.Debug() || !strings.Contains(s, " created at observe_test.go:") {
				t.Errorf("String() = %s", s)
			}
			l.CallSoon(func() { time.Sleep(130 * time.Millisecond) })
			return 0, asyncio.Sleep(ctx, time.Second)
		}, opts)
		for _, want := range []string{
			"Executing <Task finished name='slow'", "took 0.120 seconds",
			"Executing <Handle asyncio_test.TestDebugMode.", "took 0.130 seconds", "TestDebugMode.func1.1\\n\\t",
		} {
			if !strings.Contains(said(), want) {
				t.Errorf("no %q in %s", want, said())
			}
		}
	})
}

func TestExceptionHandler(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		var got []asyncio.LoopError
		opts.Logger = logger
		opts.ExceptionHandler = func(l *asyncio.Loop, e asyncio.LoopError) {
			got = append(got, e)
			if len(got) == 2 {
				panic("handler")
			}
		}
		asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			for range 2 {
				asyncio.Go(ctx, func(context.Context) (int, error) { return 0, errBoom })
			}
			return 0, asyncio.Sleep(ctx, 0)
		}, opts)
		if len(got) != 2 || got[0].Err != errBoom || got[0].Message != "Task exception was never retrieved" || !strings.Contains(got[0].Future, "Task-2") {
			t.Errorf("told %+v", got)
		}
		if !strings.Contains(said(), "Unhandled error in exception handler") || strings.Count(said(), "never retrieved") != 1 {
			t.Errorf("said %s", said())
		}
	})
}

func TestEager(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			me := asyncio.CurrentTask()
			done := asyncio.GoEager(ctx, func(ctx context.Context) (int, error) {
				if asyncio.CurrentTask() == me {
					t.Error("CurrentTask() in an eager task is its creator")
				}
				tr.add("done")
				return 1, nil
			})
			tr.add("%v", done.Done())
			waits := asyncio.GoEager(ctx, func(ctx context.Context) (int, error) {
				tr.add("waits")
				err := asyncio.Sleep(ctx, 0)
				tr.add("goes on")
				return 2, err
			})
			if asyncio.CurrentTask() != me {
				t.Error("CurrentTask() was not restored")
			}
			tr.add("%v", waits.Done())
			_, err := asyncio.Await(ctx, waits)
			return err
		})
		opts.EagerTasks = true
		run(t, opts, func(ctx context.Context) error {
			asyncio.Go(ctx, func(ctx context.Context) (int, error) { tr.add("eager"); return 0, nil })
			tr.add("main")
			return nil
		})
		tr.want(t, "done | true | waits | false | goes on | eager | main")
	})
}

// Asking a loop for its numbers does not disturb a run that begins meanwhile.
func TestStatsOfIdleLoop(t *testing.T) {
	l := asyncio.NewLoop(nil)
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			l.Stats(ctx)
		}
	}()
	for range 200 {
		if _, err := asyncio.RunUntilComplete(t.Context(), l, asyncio.Coro0(value(1))); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-done
}

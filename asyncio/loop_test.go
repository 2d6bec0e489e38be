package asyncio_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// logged returns a logger and what it was told so far, one line a record.
func logged() (*slog.Logger, func() string) {
	var mu sync.Mutex
	var buf bytes.Buffer
	w := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return buf.Write(p)
	})
	h := slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return slog.New(h), func() string {
		mu.Lock()
		defer mu.Unlock()
		return buf.String()
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// withLoop runs f with an open loop on each engine, in a bubble.
func withLoop(t *testing.T, f func(t *testing.T, l *asyncio.Loop)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := asyncio.NewLoop(&asyncio.LoopOptions{Engine: e})
				f(t, l)
				if err := l.Close(); err != nil {
					t.Errorf("Close() = %v", err)
				}
			})
		})
	}
}

func value(v int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return v, nil }
}

func TestLoopLife(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		if _, err := asyncio.RunningLoop(); !errors.Is(err, asyncio.ErrNoRunningLoop) {
			t.Errorf("RunningLoop() outside: %v", err)
		}
		got, err := asyncio.RunUntilComplete(t.Context(), l, asyncio.Coro0(func(ctx context.Context) (int, error) {
			if here, err := asyncio.RunningLoop(); here != l || err != nil {
				t.Errorf("RunningLoop() = %v, %v", here, err)
			}
			if _, err := asyncio.RunUntilComplete(ctx, l, asyncio.Coro0(value(1))); !errors.Is(err, asyncio.ErrLoopRunning) {
				t.Errorf("inner RunUntilComplete: %v", err)
			}
			if err := l.Close(); !errors.Is(err, asyncio.ErrLoopRunning) {
				t.Errorf("Close while running: %v", err)
			}
			return 7, nil
		}))
		if got != 7 || err != nil {
			t.Errorf("RunUntilComplete() = %v, %v", got, err)
		}
		task := asyncio.CreateTask(l, asyncio.Coro0(value(8)))
		if got, err := asyncio.RunUntilComplete(t.Context(), l, task); got != 8 || err != nil {
			t.Errorf("of a task: %v, %v", got, err)
		}
		if got, err := asyncio.RunUntilComplete(t.Context(), l, task); got != 8 || err != nil {
			t.Errorf("of a done task: %v, %v", got, err)
		}
		fut := asyncio.NewFuture[int](l)
		l.CallLater(time.Hour, func() { fut.SetResult(9) })
		if got, err := asyncio.RunUntilComplete(t.Context(), l, fut); got != 9 || err != nil {
			t.Errorf("of a future: %v, %v", got, err)
		}
		if l.Time() != time.Hour {
			t.Errorf("Time() = %v", l.Time())
		}
		for range 2 {
			if err := l.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		}
		if _, err := asyncio.RunUntilComplete(t.Context(), l, asyncio.Coro0(value(1))); !errors.Is(err, asyncio.ErrLoopClosed) {
			t.Errorf("on a closed loop: %v", err)
		}
		if _, err := l.CallSoonThreadsafe(func() {}); !errors.Is(err, asyncio.ErrLoopClosed) {
			t.Errorf("CallSoonThreadsafe on a closed loop: %v", err)
		}
	})
}

func TestStop(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		var tr trace
		l.CallSoon(func() {
			tr.add("1")
			l.CallSoon(func() { tr.add("3") })
			l.Stop()
			l.CallSoon(func() { tr.add("4") })
		})
		l.CallSoon(func() { tr.add("2") })
		if err := l.RunForever(t.Context()); err != nil {
			t.Fatal(err)
		}
		tr.want(t, "1 | 2 | 3 | 4")

		never := asyncio.NewFuture[int](l)
		l.CallSoon(l.Stop)
		if _, err := asyncio.RunUntilComplete(t.Context(), l, never); !errors.Is(err, asyncio.ErrLoopStopped) {
			t.Errorf("stopped: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.RunForever(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("RunForever past its ctx: %v", err)
		}
		if _, err := asyncio.RunUntilComplete(ctx, l, never); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("RunUntilComplete past its ctx: %v", err)
		}
		never.Cancel(nil)
	})
}

// Stopping before the run makes it one iteration long, as in Python.
func TestStopBeforeRun(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		var tr trace
		l.Stop()
		l.CallSoon(func() {
			tr.add("1")
			l.CallSoon(func() { tr.add("2") })
		})
		if err := l.RunForever(t.Context()); err != nil {
			t.Fatal(err)
		}
		tr.want(t, "1")
	})
}

func TestCallOrder(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		var tr trace
		say := func(s string) func() { return func() { tr.add("%s", s) } }
		l.CallLater(20*time.Millisecond, func() { tr.add(".02"); l.Stop() })
		l.CallLater(10*time.Millisecond, say(".01a"))
		l.CallLater(10*time.Millisecond, say(".01b"))
		l.CallLater(0, say("0"))
		l.CallLater(-time.Second, say("-1"))
		cancelled := l.CallLater(time.Millisecond, say("cancelled"))
		if !cancelled.Cancel() || cancelled.Cancel() || !cancelled.Cancelled() {
			t.Error("Cancel of a timer")
		}
		soon := l.CallSoon(say("never"))
		soon.Cancel()
		l.CallSoon(say("soon"))
		if err := l.RunForever(t.Context()); err != nil {
			t.Fatal(err)
		}
		tr.want(t, "soon | -1 | 0 | .01a | .01b | .02")
	})
}

func TestCallSoonThreadsafe(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			l := asyncio.NewLoop(&asyncio.LoopOptions{Engine: e})
			defer l.Close()
			const producers, each = 8, 500
			left := producers * each
			last := make([]int, producers)
			var wg sync.WaitGroup
			for p := range producers {
				wg.Go(func() {
					for i := range each {
						l.CallSoonThreadsafe(func() {
							if last[p] != i {
								t.Errorf("producer %d: call %d came after %d", p, i, last[p])
							}
							last[p]++
							if left--; left == 0 {
								l.Stop()
							}
						})
						if i%50 == 0 {
							runtime.Gosched()
						}
					}
				})
			}
			if err := l.RunForever(t.Context()); err != nil {
				t.Error(err)
			}
			wg.Wait()
		})
	}
}

func TestCallbackCannotWait(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		fut := asyncio.NewFuture[int](l)
		l.CallSoon(func() {
			defer l.Stop()
			ctx := context.Background()
			if err := asyncio.Sleep(ctx, time.Second); !errors.Is(err, asyncio.ErrWouldBlock) {
				t.Errorf("Sleep: %v", err)
			}
			if _, err := asyncio.Await(ctx, fut); !errors.Is(err, asyncio.ErrWouldBlock) {
				t.Errorf("Await: %v", err)
			}
			if _, err := asyncio.Gather(ctx, fut); !errors.Is(err, asyncio.ErrWouldBlock) {
				t.Errorf("Gather: %v", err)
			}
			if _, err := asyncio.ToThread(ctx, value(1)); !errors.Is(err, asyncio.ErrWouldBlock) {
				t.Errorf("ToThread: %v", err)
			}
			fut.SetResult(3)
			if v, err := asyncio.Await(ctx, fut); v != 3 || err != nil {
				t.Errorf("Await of what is done: %v, %v", v, err)
			}
		})
		if err := l.RunForever(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCallbackPanic(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		defer func() {
			p, ok := recover().(*asyncio.PanicError)
			if !ok || p.Value != "ouch" || !strings.Contains(p.Task, "TestCallbackPanic") {
				t.Errorf("recovered %v", p)
			}
		}()
		l.CallSoon(func() { panic("ouch") })
		l.RunForever(t.Context())
		t.Error("RunForever returned")
	})
}

func TestTaskMadeElsewhere(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			l := asyncio.NewLoop(&asyncio.LoopOptions{Engine: e})
			defer l.Close()
			var sum atomic.Int64
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					for range 50 {
						n, err := asyncio.Await(t.Context(), asyncio.CreateTask(l, asyncio.Coro0(value(i))))
						if err != nil {
							t.Error(err)
						}
						sum.Add(int64(n))
					}
				})
			}
			go func() {
				wg.Wait()
				l.Stop()
			}()
			if err := l.RunForever(t.Context()); err != nil {
				t.Fatal(err)
			}
			if sum.Load() != 300 {
				t.Errorf("sum = %d", sum.Load())
			}
		})
	}
}

func TestCloseUnwinds(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, said := logged()
				l := asyncio.NewLoop(&asyncio.LoopOptions{Engine: e, Logger: logger, Grace: time.Second})
				var tr trace
				asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) {
					defer tr.add("clean")
					return 0, asyncio.Sleep(ctx, time.Hour)
				}))
				asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) {
					defer tr.add("stubborn killed")
					for {
						asyncio.Sleep(context.WithoutCancel(ctx), time.Hour)
					}
				}))
				l.CallSoon(l.Stop)
				l.RunForever(t.Context())
				if err := l.Close(); !errors.Is(err, asyncio.ErrKilled) {
					t.Errorf("Close() = %v", err)
				}
				tr.want(t, "clean | stubborn killed")
				if n := strings.Count(said(), "ignored its cancellation"); n != 1 {
					t.Errorf("said %s", said())
				}
			})
		})
	}
}

// A task that goes on waiting after its end lets the others run, and is killed.
func TestCloseKillsSpinner(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			logger, _ := logged()
			l := asyncio.NewLoop(&asyncio.LoopOptions{Engine: e, Logger: logger, Grace: -1})
			var tr trace
			spinner := asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) {
				defer tr.add("spinner killed")
				for {
					asyncio.Sleep(ctx, time.Hour)
				}
			}))
			spinner.Cancel(nil)
			other := asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) {
				tr.add("other runs")
				return 1, nil
			}))
			if _, err := asyncio.RunUntilComplete(t.Context(), l, other); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); !errors.Is(err, asyncio.ErrKilled) {
				t.Errorf("Close() = %v", err)
			}
			tr.want(t, "other runs | spinner killed")
		})
	}
}

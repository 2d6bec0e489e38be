package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/internal/park"
)

var engines = []asyncio.Engine{asyncio.EnginePull, asyncio.EngineHandoff}

// bubble runs f once on each engine, in a synctest bubble.
func bubble(t *testing.T, f func(t *testing.T, opts *asyncio.RunOptions)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f(t, &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e}})
			})
		})
	}
}

// run runs body as a main task and fails the test if it returns an error.
func run(t *testing.T, opts *asyncio.RunOptions, body func(ctx context.Context) error) {
	t.Helper()
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, body(ctx)
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
}

// A trace is what happened, in order.
type trace []string

func (tr *trace) add(format string, args ...any) { *tr = append(*tr, fmt.Sprintf(format, args...)) }

func (tr *trace) want(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(*tr, " | "); got != want {
		t.Errorf("trace:\n got %s\nwant %s", got, want)
	}
}

func TestRunReturnsResult(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		start := time.Now()
		got, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			return 42, asyncio.Sleep(ctx, time.Second)
		}, opts)
		if got != 42 || err != nil {
			t.Errorf("Run() = %v, %v", got, err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestTasksTakeTurns(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			worker := func(name string) *asyncio.Task[int] {
				return asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					for i := range 3 {
						tr.add("%d%s", i, name)
						asyncio.Sleep(ctx, 0)
					}
					return len(name), nil
				})
			}
			a, b := worker("a"), worker("b")
			n, err := asyncio.Gather(ctx, a, b)
			if !slices.Equal(n, []int{1, 1}) {
				t.Errorf("Gather() = %v", n)
			}
			return err
		})
		tr.want(t, "0a | 0b | 1a | 1b | 2a | 2b")
	})
}

func TestParkDoSuspends(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			other := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				tr.add("other")
				return 0, nil
			})
			err := park.Do(ctx, func() { time.Sleep(time.Second) })
			tr.add("done")
			_, err2 := asyncio.Await(ctx, other)
			return errors.Join(err, err2)
		})
		tr.want(t, "other | done")
	})
}

func TestParkWaitEndsWithCtx(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if err := park.Wait(ctx, func(func()) {}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Wait() = %v", err)
			}
			return nil
		})
	})
}

func TestCancelTask(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			why := errors.New("enough")
			task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				return 0, asyncio.Sleep(ctx, time.Hour)
			})
			asyncio.Sleep(ctx, 0)
			if !task.Cancel(why) {
				t.Error("Cancel() = false")
			}
			_, err := asyncio.Await(ctx, task)
			if !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
				t.Errorf("Await() error = %v", err)
			}
			if !task.Cancelled() || task.Cancel(nil) {
				t.Error("task is not cancelled")
			}
			return nil
		})
	})
}

func TestToThread(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			v, err := asyncio.ToThread(ctx, func(context.Context) (string, error) {
				time.Sleep(time.Minute)
				return "slept", nil
			})
			if v != "slept" {
				t.Errorf("ToThread() = %q", v)
			}
			return err
		})
	})
}

func TestTaskPanic(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		defer func() {
			p, ok := recover().(*asyncio.PanicError)
			if !ok || p.Value != "ouch" || !strings.Contains(string(p.Stack), "TestTaskPanic") {
				t.Errorf("recovered %v", p)
			}
			tr.want(t, "main unwound | other unwound")
		}()
		asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				defer tr.add("other unwound")
				asyncio.Sleep(context.Background(), time.Hour)
				return 0, asyncio.Sleep(ctx, time.Hour)
			})
			asyncio.Go(ctx, func(ctx context.Context) (int, error) { panic("ouch") })
			defer tr.add("main unwound")
			return 0, asyncio.Sleep(ctx, time.Hour)
		}, opts)
		t.Error("Run returned")
	})
}

func TestPullSuspends(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				tr.add("other")
				return 0, asyncio.Sleep(ctx, 1500*time.Millisecond)
			}).AddDoneCallback(func(*asyncio.Task[int]) { tr.add("other done") })
			next, stop := asyncio.Pull(func(yield func(int) bool) {
				for i := 0; asyncio.Sleep(ctx, time.Second) == nil && yield(i); i++ {
				}
			})
			defer stop()
			for range 2 {
				v, _ := next()
				tr.add("%d", v)
			}
			return nil
		})
		tr.want(t, "other | 0 | other done | 1")
	})
}

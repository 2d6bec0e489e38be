package asyncio_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// after returns a coroutine that returns v after d, and says how it ended.
func after(tr *trace, d time.Duration, v int, err error) *asyncio.Coroutine[int] {
	return asyncio.Coro0(func(ctx context.Context) (int, error) {
		if e := asyncio.Sleep(ctx, d); e != nil {
			tr.add("%d cancelled", v)
			return 0, e
		}
		tr.add("%d", v)
		return v, err
	})
}

func TestGather(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			twice := after(&tr, 2*time.Second, 2, nil)
			got, err := asyncio.Gather(ctx, twice, after(&tr, time.Second, 1, nil), twice)
			if !slices.Equal(got, []int{2, 1, 2}) || err != nil {
				t.Errorf("Gather = %v, %v", got, err)
			}
			none, err := asyncio.Gather[int](ctx)
			if len(none) != 0 || err != nil {
				t.Errorf("Gather() = %v, %v", none, err)
			}
			return nil
		})
		tr.want(t, "1 | 2")
	})
}

func TestGatherFirstErrorEndsSiblings(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			slow := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				err := asyncio.Sleep(ctx, time.Hour)
				asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
				tr.add("slow cleaned up")
				return 0, err
			})
			got, err := asyncio.Gather(ctx, after(&tr, time.Second, 1, errBoom), slow)
			if got != nil || !errors.Is(err, errBoom) {
				t.Errorf("Gather = %v, %v", got, err)
			}
			tr.add("gathered")
			return nil
		})
		tr.want(t, "1 | slow cleaned up | gathered")
	})
}

func TestGatherCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			task := asyncio.Go(ctx, func(ctx context.Context) ([]int, error) {
				return asyncio.Gather(ctx, after(&tr, time.Hour, 1, nil), after(&tr, time.Hour, 2, nil))
			})
			asyncio.Sleep(ctx, time.Second)
			task.Cancel(nil)
			_, err := asyncio.Await(ctx, task)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Gather: %v", err)
			}
			return nil
		})
		if len(tr) != 2 {
			t.Errorf("trace %v", tr)
		}
	})
}

func TestSettled(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			got, err := asyncio.Settled(ctx, after(&tr, 1, 1, errBoom), after(&tr, 2, 2, nil))
			if err != nil || got[0].Err != errBoom || got[1].Value != 2 || got[1].Err != nil {
				t.Errorf("Settled = %v, %v", got, err)
			}
			return nil
		})
		tr.want(t, "1 | 2")
	})
}

func TestWait(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var tr trace
			l, _ := asyncio.RunningLoop()
			tasks := []*asyncio.Task[int]{
				asyncio.CreateTask(l, after(&tr, 1*time.Second, 1, nil)),
				asyncio.CreateTask(l, after(&tr, 2*time.Second, 2, errBoom)),
				asyncio.CreateTask(l, after(&tr, 3*time.Second, 3, nil)),
			}
			for _, c := range []struct {
				opts          *asyncio.WaitOptions
				done, pending int
			}{
				{&asyncio.WaitOptions{Timeout: -1}, 0, 3},
				{&asyncio.WaitOptions{Timeout: time.Millisecond}, 0, 3},
				{&asyncio.WaitOptions{When: asyncio.FirstCompleted}, 1, 2},
				{&asyncio.WaitOptions{When: asyncio.FirstException}, 2, 1},
				{nil, 3, 0},
				{nil, 3, 0},
			} {
				res, err := asyncio.Wait(ctx, tasks, c.opts)
				if err != nil || len(res.Done) != c.done || len(res.Pending) != c.pending {
					t.Errorf("Wait(%+v) = %d done, %d pending, %v", c.opts, len(res.Done), len(res.Pending), err)
				}
			}
			if _, err := asyncio.Wait[*asyncio.Task[int]](ctx, nil, nil); err == nil {
				t.Error("Wait for nothing: no error")
			}
			tasks[1].Err()
			return nil
		})
	})
}

func TestWaitFor(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var tr trace
			check := func(name string, v int, err error, wantV int, wantErr error) {
				t.Helper()
				if v != wantV || !errors.Is(err, wantErr) {
					t.Errorf("%s: %v, %v", name, v, err)
				}
			}
			v, err := asyncio.WaitFor(ctx, time.Second, after(&tr, time.Millisecond, 1, nil))
			check("in time", v, err, 1, nil)
			v, err = asyncio.WaitFor(ctx, time.Second, after(&tr, time.Hour, 2, nil))
			check("too late", v, err, 0, asyncio.ErrTimeout)
			check("too late", v, err, 0, context.DeadlineExceeded)
			v, err = asyncio.WaitFor(ctx, 0, after(&tr, time.Hour, 3, nil))
			check("no time", v, err, 0, asyncio.ErrTimeout)
			v, err = asyncio.WaitFor(ctx, time.Second, after(&tr, time.Millisecond, 4, errBoom))
			check("error", v, err, 4, errBoom)
			stubborn := asyncio.Coro0(func(ctx context.Context) (int, error) {
				asyncio.Sleep(ctx, time.Hour)
				return 5, nil
			})
			v, err = asyncio.WaitFor(ctx, time.Second, stubborn)
			check("stubborn", v, err, 5, nil)

			task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				err := asyncio.Sleep(ctx, time.Hour)
				asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
				return 0, err
			})
			v, err = asyncio.WaitFor(ctx, time.Second, task)
			check("task", v, err, 0, asyncio.ErrTimeout)
			if !task.Done() {
				t.Error("WaitFor returned before the cleanup")
			}
			done := asyncio.Go(ctx, value(6))
			asyncio.Sleep(ctx, 0)
			v, err = asyncio.WaitFor(ctx, 0, done)
			check("done", v, err, 6, nil)
			return nil
		})
	})
}

func TestNestedRun(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				tr.add("outer goes on")
				return 0, nil
			})
			v, err := asyncio.Run(ctx, func(ctx context.Context) (string, error) {
				return "inner", asyncio.Sleep(ctx, time.Second)
			}, opts)
			tr.add("outer got %s", v)
			return err
		})
		tr.want(t, "outer goes on | outer got inner")
	})
}

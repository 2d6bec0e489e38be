package asyncio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func TestGroupWaits(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			var a, b *asyncio.Task[int]
			err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
				a = asyncio.Start(g, func(ctx context.Context) (int, error) {
					b = asyncio.Start(g, func(ctx context.Context) (int, error) { return 2, asyncio.Sleep(ctx, time.Second) })
					return 1, nil
				})
				tr.add("body %v", g)
				return nil
			})
			va, _ := a.Result()
			vb, _ := b.Result()
			tr.add("%d %d %v", va, vb, err)
			return nil
		})
		tr.want(t, "body <TaskGroup tasks=1 entered> | 1 2 <nil>")
	})
}

// The first failure cancels the others, and everything that failed is in the
// error, in order, with the task's name.
func TestGroupErrors(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		var group *asyncio.TaskGroup
		run(t, opts, func(ctx context.Context) error {
			errCleanup := errors.New("cleanup")
			err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
				group = g
				asyncio.Start(g, func(ctx context.Context) (int, error) { return 0, errBoom }).SetName("first")
				asyncio.Start(g, func(ctx context.Context) (int, error) { return 0, errors.New("2") })
				asyncio.Start(g, func(ctx context.Context) (int, error) {
					err := asyncio.Sleep(ctx, time.Hour)
					tr.add("slow %v", errors.Is(err, context.Canceled))
					return 0, err
				})
				asyncio.Start(g, func(ctx context.Context) (int, error) {
					asyncio.Sleep(ctx, time.Hour)
					return 0, errCleanup
				})
				err := asyncio.Sleep(ctx, time.Hour)
				tr.add("body %v", errors.Is(err, context.Canceled))
				return err
			})
			ge, ok := errors.AsType[*asyncio.GroupError](err)
			if !ok || len(ge.Errors) != 3 || !errors.Is(ge.Errors[0], errBoom) || !errors.Is(ge.Errors[2], errCleanup) {
				t.Fatalf("error %v", err)
			}
			te, ok := errors.AsType[*asyncio.TaskError](err)
			if !ok || te.Task != "first" || te.Where == "" {
				t.Errorf("task error %+v", te)
			}
			late := asyncio.Start(group, value(1))
			if err := late.Err(); !errors.Is(err, asyncio.ErrGroupFinished) {
				t.Errorf("Start after the end: %v", err)
			}
			return nil
		})
		tr.want(t, "slow true | body true")
	})
}

func TestGroupBodyError(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var task *asyncio.Task[int]
			err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
				task = asyncio.Start(g, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, time.Hour) })
				return errBoom
			})
			if !errors.Is(err, errBoom) || !task.Cancelled() {
				t.Errorf("error %v, %v", err, task)
			}
			return nil
		})
	})
}

func TestGroupCancel(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
				asyncio.Start(g, func(ctx context.Context) (int, error) {
					asyncio.Sleep(ctx, time.Second)
					g.Cancel(nil)
					return 0, nil
				})
				return asyncio.Sleep(ctx, time.Hour)
			})
			if err != nil {
				t.Errorf("cancelled group: %v", err)
			}
			task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				return 0, asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
					return asyncio.Sleep(ctx, time.Hour)
				})
			})
			asyncio.Sleep(ctx, 0)
			task.Cancel(errBoom)
			if _, err := asyncio.Await(ctx, task); !errors.Is(err, context.Canceled) || !errors.Is(err, errBoom) || !task.Cancelled() {
				t.Errorf("group in a cancelled task: %v", err)
			}
			return nil
		})
	})
}

func TestGroupKeepGoingAndLimit(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			running, most, ended := 0, 0, 0
			err := asyncio.WithGroup(ctx, &asyncio.GroupOptions{Limit: 3, KeepGoing: true}, func(ctx context.Context, g *asyncio.TaskGroup) error {
				for range 10 {
					asyncio.Start(g, func(ctx context.Context) (int, error) {
						running++
						most = max(most, running)
						defer func() { running--; ended++ }()
						asyncio.Sleep(ctx, time.Second)
						return 0, errBoom
					})
				}
				if n := len(g.Tasks()); n != 10 {
					t.Errorf("%d tasks", n)
				}
				return nil
			})
			ge, _ := errors.AsType[*asyncio.GroupError](err)
			if most != 3 || ended != 10 || len(ge.Errors) != 10 {
				t.Errorf("at most %d at once, %d ended, %v", most, ended, err)
			}
			return nil
		})
	})
}

func TestStartReady(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
				serve := func(ctx context.Context, ready func(string)) (int, error) {
					asyncio.Sleep(ctx, time.Second)
					ready("127.0.0.1:80")
					return 0, asyncio.Sleep(ctx, time.Hour)
				}
				_, addr, err := asyncio.StartReady(ctx, g, serve)
				if addr != "127.0.0.1:80" || err != nil {
					t.Errorf("StartReady = %v, %v", addr, err)
				}
				_, _, err = asyncio.StartReady(ctx, g, func(ctx context.Context, ready func(int)) (int, error) { return 0, nil })
				if !errors.Is(err, asyncio.ErrNotReady) {
					t.Errorf("StartReady of what is never ready: %v", err)
				}
				g.Cancel(nil)
				return nil
			})
			return err
		})
	})
}

func TestShieldRaceAsCompleted(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			outer := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				return asyncio.Shield(ctx, after(&tr, time.Second, 1, nil))
			})
			asyncio.Sleep(ctx, 0)
			outer.Cancel(nil)
			_, err := asyncio.Await(ctx, outer)
			tr.add("outer %v", err)
			asyncio.Sleep(ctx, 2*time.Second)

			v, err := asyncio.Race(ctx, after(&tr, 1, 2, errBoom), after(&tr, 2, 3, nil), after(&tr, time.Hour, 4, nil))
			tr.add("race %d %v", v, err)
			_, err = asyncio.Race(ctx, after(&tr, 1, 5, errBoom))
			tr.add("lost %v", errors.Is(err, errBoom))

			for f, err := range asyncio.AsCompleted(ctx, time.Minute, after(&tr, time.Hour, 6, nil), after(&tr, 2, 7, nil), after(&tr, 1, 8, nil)) {
				if err != nil {
					tr.add("%v", err)
					break
				}
				v, _ := f.Result()
				tr.add("done %d", v)
			}
			return nil
		})
		tr.want(t, "outer context canceled | 1 | 2 | 3 | 4 cancelled | race 3 <nil> | 5 | lost true | 8 | done 8 | 7 | done 7 | asyncio: timed out | 6 cancelled")
	})
}

func TestTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			var kept *asyncio.Timeout
			err := asyncio.WithoutTimeout(ctx, func(ctx context.Context, tm *asyncio.Timeout) error {
				kept = tm
				tr.add("%v", tm)
				if err := tm.Reschedule(time.Second); err != nil {
					return err
				}
				if d, ok := ctx.Deadline(); !ok || time.Until(d) != time.Second {
					t.Errorf("Deadline() = %v, %v", d, ok)
				}
				asyncio.Sleep(ctx, time.Millisecond)
				if err := tm.Reschedule(time.Minute); err != nil {
					return err
				}
				return asyncio.Sleep(ctx, 2*time.Second)
			})
			tr.add("%v %v %v", kept, kept.Expired(), err)
			if err := kept.Reschedule(1); !errors.Is(err, asyncio.ErrInvalidState) {
				t.Errorf("Reschedule after the end: %v", err)
			}
			err = asyncio.WithTimeout(ctx, 20*time.Millisecond, func(ctx context.Context, outer *asyncio.Timeout) error {
				err := asyncio.WithTimeout(ctx, 10*time.Millisecond, func(ctx context.Context, inner *asyncio.Timeout) error {
					return asyncio.Sleep(ctx, time.Second)
				})
				tr.add("inner %v", err)
				return nil
			})
			tr.add("outer %v", err)
			err = asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context, _ *asyncio.Timeout) error {
				asyncio.Sleep(ctx, time.Hour)
				return errBoom
			})
			tr.add("%v", err)
			err = asyncio.WithTimeout(ctx, -1, func(ctx context.Context, _ *asyncio.Timeout) error {
				return asyncio.Sleep(ctx, 0)
			})
			tr.add("%v %v", err, errors.Is(err, context.DeadlineExceeded))
			task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				return 0, asyncio.WithTimeout(ctx, time.Minute, func(ctx context.Context, _ *asyncio.Timeout) error {
					return asyncio.Sleep(ctx, time.Hour)
				})
			})
			asyncio.Sleep(ctx, 0)
			task.Cancel(errBoom)
			_, err = asyncio.Await(ctx, task)
			tr.add("%v", err)
			return nil
		})
		both(t, opts)
		tr.want(t, "<Timeout [active] when=None> | <Timeout [finished]> false <nil> | inner asyncio: timed out | outer <nil> | boom | asyncio: timed out true | context canceled: boom")
	})
}

// A task that is cancelled when its timeout has expired is told of the cancel.
func both(t *testing.T, opts *asyncio.RunOptions) {
	run(t, opts, func(ctx context.Context) error {
		task := task(ctx, func(ctx context.Context) error {
			return asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context, _ *asyncio.Timeout) error {
				err := asyncio.Sleep(ctx, time.Hour)
				asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
				return err
			})
		})
		asyncio.Sleep(ctx, 1500*time.Millisecond)
		task.Cancel(errBoom)
		if _, err := asyncio.Await(ctx, task); !errors.Is(err, errBoom) || errors.Is(err, asyncio.ErrTimeout) {
			t.Errorf("expired and cancelled: %v", err)
		}
		return nil
	})
}

// Off a loop, a timeout is an ordinary context with a deadline.
func TestTimeoutInGoroutine(t *testing.T) {
	err := asyncio.WithTimeout(t.Context(), time.Millisecond, func(ctx context.Context, _ *asyncio.Timeout) error {
		return asyncio.Sleep(ctx, time.Hour)
	})
	if !errors.Is(err, asyncio.ErrTimeout) {
		t.Errorf("error %v", err)
	}
}

func TestTimeoutAt(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			asyncio.Sleep(ctx, time.Hour)
			err := asyncio.WithTimeoutAt(ctx, l.Time()+time.Second, func(ctx context.Context, _ *asyncio.Timeout) error {
				return asyncio.Sleep(ctx, time.Minute)
			})
			if !errors.Is(err, asyncio.ErrTimeout) || l.Time() != time.Hour+time.Second {
				t.Errorf("%v at %v", err, l.Time())
			}
			return nil
		})
	})
	err := asyncio.WithTimeoutAt(t.Context(), time.Hour, func(context.Context, *asyncio.Timeout) error { return nil })
	if !errors.Is(err, asyncio.ErrNoRunningLoop) {
		t.Errorf("off a loop: %v", err)
	}
}

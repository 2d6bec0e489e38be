package asyncio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func TestVirtualClock(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			clock := asyncio.NewVirtualClock()
			opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e, Clock: clock}}
			start := time.Now()
			var tr trace
			run(t, opts, func(ctx context.Context) error {
				l, _ := asyncio.RunningLoop()
				l.CallLater(30*time.Minute, func() { tr.add("half an hour") })
				err := asyncio.WithTimeout(ctx, time.Hour, func(ctx context.Context, _ *asyncio.Timeout) error {
					return asyncio.Sleep(ctx, 2*time.Hour)
				})
				tr.add("%v at %v", err, l.Time())
				return nil
			})
			tr.want(t, "half an hour | asyncio: timed out at 1h0m0s")
			if d := time.Since(start); d > time.Minute {
				t.Errorf("took %v", d)
			}
		})
	}
}

// An hour of virtual time with a tick each second is a step and an iteration a
// tick, and no sleep. BenchmarkVirtualHour says what that costs.
func TestVirtualHour(t *testing.T) {
	const ticks = 3600
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			sleeps := 0
			opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{
				Engine: e, Clock: asyncio.NewVirtualClock(),
				Hooks: &asyncio.Hooks{BeforeSleep: func(time.Duration) { sleeps++ }},
			}}
			run(t, opts, func(ctx context.Context) error {
				l, _ := asyncio.RunningLoop()
				before, err := l.Stats(ctx)
				if err != nil {
					return err
				}
				for range ticks {
					if err := asyncio.Sleep(ctx, time.Second); err != nil {
						return err
					}
				}
				after, err := l.Stats(ctx)
				if l.Time() != time.Hour || sleeps != 0 {
					t.Errorf("%v passed with %d sleeps", l.Time(), sleeps)
				}
				if steps, turns := after.Steps-before.Steps, after.Turns-before.Turns; steps != ticks || turns != ticks {
					t.Errorf("%d steps in %d iterations, want %d of each", steps, turns, ticks)
				}
				return err
			})
		})
	}
}

// An hour of virtual time takes less than a millisecond of work.
func BenchmarkVirtualHour(b *testing.B) {
	clock := asyncio.NewVirtualClock()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		for b.Loop() {
			for range 3600 {
				asyncio.Sleep(ctx, time.Second)
			}
		}
		return 0, nil
	}, &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: clock}})
	if err != nil {
		b.Fatal(err)
	}
}

// While something outside is under way, the clock stands still.
func TestVirtualClockWaitsForThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := asyncio.NewVirtualClock()
		opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: clock}}
		run(t, opts, func(ctx context.Context) error {
			return asyncio.WithTimeout(ctx, time.Hour, func(ctx context.Context, _ *asyncio.Timeout) error {
				_, err := asyncio.ToThread(ctx, func(context.Context) (int, error) {
					time.Sleep(time.Millisecond)
					return 0, nil
				})
				if clock.Now() != 0 {
					t.Errorf("the clock moved to %v", clock.Now())
				}
				return err
			})
		})
	})
}

func TestManualClock(t *testing.T) {
	clock := asyncio.NewManualClock()
	opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: clock}}
	run(t, opts, func(ctx context.Context) error {
		nap := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, time.Minute) })
		for range 2 {
			if err := asyncio.WaitAllBlocked(ctx); err != nil {
				return err
			}
			if nap.Done() {
				t.Error("done too early")
			}
			clock.Advance(30 * time.Second)
		}
		_, err := asyncio.Await(ctx, nap)
		return err
	})
}

// On a virtual clock nothing can end a wait for nothing, so it is reported.
func TestVirtualClockDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the loop gives others a second of real time
		logger, _ := logged()
		opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: asyncio.NewVirtualClock(), Logger: logger}}
		_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			var never asyncio.Event
			return 0, never.Wait(ctx)
		}, opts)
		if _, ok := errors.AsType[*asyncio.DeadlockError](err); !ok {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestWaitAllBlocked(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			steps := 0
			asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				for range 100 {
					steps++
					asyncio.Sleep(ctx, 0)
				}
				return 0, asyncio.Sleep(ctx, time.Hour)
			})
			err := asyncio.WaitAllBlocked(ctx)
			if steps != 100 {
				t.Errorf("%d steps", steps)
			}
			return err
		})
	})
}

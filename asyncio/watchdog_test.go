package asyncio_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// The watchdog names the line while it blocks the loop, within twice its limit.
func TestWatchdogNamesTheLine(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		opts.Logger = logger
		opts.Watchdog = 100 * time.Millisecond
		run(t, opts, func(ctx context.Context) error {
			asyncio.Sleep(ctx, time.Hour) // the watchdog dozes and wakes again
			asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				blockTheLoop()
				if !strings.Contains(said(), "blocked") {
					t.Error("nothing was said while the loop was blocked")
				}
				return 0, nil
			}).SetName("culprit")
			return asyncio.Sleep(ctx, time.Second)
		})
		for _, want := range []string{`at="place_test.go:37 in asyncio_test.blockTheLoop"`, `by="task 'culprit'"`, "at least 100ms"} {
			if !strings.Contains(said(), want) {
				t.Errorf("no %s in\n%s", want, said())
			}
		}
		if n := strings.Count(said(), "event loop is blocked"); n != 1 {
			t.Errorf("said %d times", n)
		}
	})
}

// The culprit may be in an iterator, and others may be suspended in all ways.
func TestWatchdogFindsIterator(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		opts.Logger = logger
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			pulled := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				next, stop := asyncio.Pull(func(yield func(int) bool) {
					asyncio.Sleep(ctx, time.Millisecond)
					blockTheLoop()
					yield(1)
				})
				defer stop()
				v, _ := next()
				return v, nil
			})
			var never asyncio.Event
			for _, wait := range []func(ctx context.Context) error{
				never.Wait,
				func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) },
				func(ctx context.Context) error { _, err := asyncio.Await(ctx, asyncio.NewFuture[int](l)); return err },
			} {
				spawn(ctx, wait)
			}
			_, err := asyncio.Await(ctx, pulled)
			return err
		})
		if !strings.Contains(said(), "in asyncio_test.blockTheLoop") {
			t.Errorf("said %s", said())
		}
	})
}

func TestWatchdogNamesACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, said := logged()
		l := asyncio.NewLoop(&asyncio.LoopOptions{Logger: logger})
		defer l.Close()
		l.CallSoon(func() {
			blockTheLoop()
			l.Stop()
		})
		l.RunForever(t.Context())
		if !strings.Contains(said(), "in asyncio_test.blockTheLoop") || !strings.Contains(said(), `by="a callback"`) {
			t.Errorf("said %s", said())
		}
	})
}

// Many short steps in one turn are no reason to bark.
func TestWatchdogIsQuiet(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		logger, said := logged()
		opts.Logger = logger
		run(t, opts, func(ctx context.Context) error {
			for range 50 {
				asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					time.Sleep(30 * time.Millisecond)
					return 0, nil
				})
			}
			return asyncio.Sleep(ctx, 10*time.Second)
		})
		if said() != "" {
			t.Errorf("said %s", said())
		}
	})
}

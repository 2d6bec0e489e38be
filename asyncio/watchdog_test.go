package asyncio_test

import (
	"context"
	"iter"
	"runtime"
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

// stuck blocks in an iterator of package iter until done is closed.
func stuck(entered chan<- bool, done <-chan bool) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		entered <- true
		<-done
		yield(1)
	})
	defer stop()
	next()
}

// The culprit is never a goroutine that a task started, which has its labels,
// nor the task of another loop. A task that is itself stuck in an iterator is.
func TestCulpritIsOfTheLoop(t *testing.T) {
	var loops [2]*asyncio.Loop
	entered, done := make(chan bool), make(chan bool)
	ended := make(chan error, 2)
	blocked := []func(context.Context) (int, error){
		func(ctx context.Context) (int, error) { // waits, and a goroutine of its is stuck
			gone := asyncio.NewFuture[int](loops[0])
			go func() {
				defer gone.SetResult(1)
				stuck(entered, done)
			}()
			return asyncio.Await(ctx, gone)
		},
		func(context.Context) (int, error) { // is stuck itself
			stuck(entered, done)
			return 0, nil
		},
	}
	for i, body := range blocked {
		loops[i] = asyncio.NewLoop(&asyncio.LoopOptions{Watchdog: -1})
		go func() {
			_, err := asyncio.RunUntilComplete(t.Context(), loops[i], asyncio.Coro0(body))
			ended <- err
		}()
		<-entered
	}
	for !asyncio.Asleep(loops[0]) { // its step goes on to the await
		runtime.Gosched()
	}
	if where, stack := asyncio.Culprit(loops[0]); where != "unknown" {
		t.Errorf("the loop that waits is blocked by %s\n%s", where, stack)
	}
	if where, stack := asyncio.Culprit(loops[1]); !strings.HasSuffix(where, "in asyncio_test.stuck.func1") {
		t.Errorf("the loop that is stuck is blocked by %s\n%s", where, stack)
	}
	close(done)
	for range blocked {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for _, l := range loops {
		l.Close()
	}
}

package asyncio_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// An executor runs so many functions at a time and no more.
func TestExecutor(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			e := asyncio.NewExecutor(3)
			var now, most atomic.Int32
			var jobs []asyncio.Awaitable[int]
			for i := range 10 {
				jobs = append(jobs, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					return asyncio.RunIn(ctx, e, func(context.Context) (int, error) {
						most.Store(max(most.Load(), now.Add(1)))
						defer now.Add(-1)
						time.Sleep(time.Second)
						if i == 5 {
							return 0, errBoom
						}
						return i, nil
					})
				}))
			}
			start := time.Now()
			all, err := asyncio.Settled(ctx, jobs...)
			if err != nil || most.Load() != 3 || time.Since(start) != 4*time.Second {
				t.Errorf("%v, at most %d, took %v", err, most.Load(), time.Since(start))
			}
			for i, s := range all {
				if i == 5 && s.Err != errBoom || i != 5 && s.Value != i {
					t.Errorf("job %d: %+v", i, s)
				}
			}
			return nil
		})
	})
}

// A cancelled waiter returns at once; the function, whose ctx has ended, goes on,
// and the loop waits for it.
func TestToThreadCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		ended := false
		run(t, opts, func(ctx context.Context) error {
			work := task(ctx, func(ctx context.Context) error {
				_, err := asyncio.ToThread(ctx, func(ctx context.Context) (int, error) {
					<-ctx.Done()
					time.Sleep(time.Second)
					ended = true
					return 0, nil
				})
				return err
			})
			asyncio.Sleep(ctx, time.Second)
			start := time.Now()
			work.Cancel(errBoom)
			_, err := asyncio.Await(ctx, work)
			if !errors.Is(err, errBoom) || time.Since(start) != 0 {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			return nil
		})
		if !ended {
			t.Error("Run did not wait for the function")
		}
	})
}

// What does not return within the grace is reported.
func TestToThreadStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, said := logged()
		gate := make(chan struct{})
		l := asyncio.NewLoop(&asyncio.LoopOptions{Logger: logger, Grace: time.Second})
		asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) {
			return asyncio.ToThread(ctx, func(context.Context) (int, error) { <-gate; return 0, nil })
		}))
		l.CallSoon(l.Stop)
		l.RunForever(t.Context())
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(said(), "1 functions did not return within 1s") {
			t.Errorf("said %s", said())
		}
		close(gate)
	})
}

func TestToThreadPanicAndGoexit(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			_, err := asyncio.ToThread(ctx, func(context.Context) (int, error) {
				runtime.Goexit()
				return 0, nil
			})
			if !errors.Is(err, asyncio.ErrGoexit) {
				t.Errorf("Goexit: %v", err)
			}
			defer func() {
				p, ok := recover().(*asyncio.PanicError)
				if !ok || !strings.Contains(string(p.Stack), "asyncio_test.panicsDeep") {
					t.Errorf("recovered %v", p)
				}
			}()
			asyncio.ToThread(ctx, func(context.Context) (int, error) {
				panicsDeep()
				return 0, nil
			})
			return nil
		})
	})
}

package asyncio_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/internal/park"
)

// TestCallers checks who is suspended and who blocks: the table of the package's
// documentation, from every kind of goroutine.
func TestCallers(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			for name, f := range callers {
				t.Run(name, func(t *testing.T) {
					opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e, Watchdog: -1}}
					if name == "http_handler" { // the network is not of a bubble
						f(t, opts)
						return
					}
					synctest.Test(t, func(t *testing.T) { f(t, opts) })
				})
			}
		})
	}
}

// waits are calls that wait for a second.
var waits = map[string]func(ctx context.Context) error{
	"Sleep": func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Second) },
	"Do":    func(ctx context.Context) error { return park.Do(ctx, func() { time.Sleep(time.Second) }) },
	"Wait": func(ctx context.Context) error {
		return park.Wait(ctx, func(wake func()) { time.AfterFunc(time.Second, wake) })
	},
	"ToThread": func(ctx context.Context) error {
		_, err := asyncio.ToThread(ctx, func(context.Context) (int, error) { time.Sleep(time.Second); return 0, nil })
		return err
	},
	"Receive": func(ctx context.Context) error {
		_, _, err := asyncio.Receive(ctx, time.After(time.Second))
		return err
	},
	"Event": func(ctx context.Context) error {
		var e asyncio.Event
		time.AfterFunc(time.Second, e.Set)
		return e.Wait(ctx)
	},
}

// suspends checks that the loop goes on while call runs, in a task of it, once
// with each of waits.
func suspends(t *testing.T, ctx context.Context, call func(wait func(context.Context) error) error) {
	t.Helper()
	for name, wait := range waits {
		ticks := 0
		ticker := task(ctx, func(ctx context.Context) error {
			for asyncio.Sleep(ctx, 300*ms) == nil {
				ticks++
			}
			return nil
		})
		start := time.Now()
		if err := call(wait); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("%s took %v", name, d)
		}
		if ticks != 3 {
			t.Errorf("%s: the loop ticked %d times meanwhile, want 3", name, ticks)
		}
		ticker.Cancel(nil)
		asyncio.Sleep(ctx, 0)
	}
}

var callers = map[string]func(t *testing.T, opts *asyncio.RunOptions){
	"task": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error { return wait(ctx) })
			return nil
		})
	},
	// A task that calls with another context is a task all the same.
	"background": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error { return wait(context.Background()) })
			return nil
		})
	},
	"pull": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error {
				next, stop := asyncio.Pull(func(yield func(error) bool) { yield(wait(ctx)) })
				defer stop()
				err, _ := next()
				return err
			})
			return nil
		})
	},
	// A pull inside a pull.
	"pull_twice": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error {
				next, stop := asyncio.Pull(func(yield func(error) bool) {
					inner, stop := asyncio.Pull(func(yield func(error) bool) { yield(wait(ctx)) })
					defer stop()
					err, _ := inner()
					yield(err)
				})
				defer stop()
				err, _ := next()
				return err
			})
			return nil
		})
	},
	// An iterator that is ranged over runs on the task itself.
	"range": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error {
				var seq iter.Seq[error] = func(yield func(error) bool) { yield(wait(ctx)) }
				for err := range seq {
					return err
				}
				return nil
			})
			return nil
		})
	},
	// A raw iter.Pull is not ours: it blocks the loop.
	"raw_pull": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			ticks := 0
			task(ctx, func(ctx context.Context) error {
				for asyncio.Sleep(ctx, 300*ms) == nil {
					ticks++
				}
				return nil
			})
			asyncio.Sleep(ctx, 0)
			next, stop := iter.Pull(func(yield func(error) bool) { yield(asyncio.Sleep(ctx, time.Second)) })
			defer stop()
			if err, _ := next(); err != nil || ticks != 0 {
				t.Errorf("%v, %d ticks", err, ticks)
			}
			return nil
		})
	},
	"goroutine": func(t *testing.T, opts *asyncio.RunOptions) {
		for name, wait := range waits {
			start := time.Now()
			if err := wait(t.Context()); err != nil || time.Since(start) != time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		}
	},
	// Goroutines that a task starts with its ctx, as errgroup does, block; the task
	// waits for them without blocking its loop.
	"errgroup": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error {
				gctx, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						if err := wait(gctx); err != nil {
							cancel(err)
						}
					})
				}
				err := asyncio.WaitGroup(ctx, &wg)
				return errors.Join(err, context.Cause(gctx))
			})
			return nil
		})
	},
	// Its goroutines end when the task is cancelled.
	"errgroup_cancelled": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var wg sync.WaitGroup
			child := task(ctx, func(ctx context.Context) error {
				for range 3 {
					wg.Go(func() {
						if err := asyncio.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
							t.Errorf("Sleep: %v", err)
						}
					})
				}
				return asyncio.WaitGroup(ctx, &wg)
			})
			asyncio.Sleep(ctx, 0)
			child.Cancel(nil)
			return asyncio.WaitGroup(ctx, &wg)
		})
	},
	"http_handler": func(t *testing.T, opts *asyncio.RunOptions) {
		l := asyncio.NewLoop(&opts.LoopOptions)
		defer l.Close()
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/run" { // a loop of its own
				s, err := asyncio.Run(r.Context(), func(ctx context.Context) (string, error) { return "run", asyncio.Sleep(ctx, ms) }, opts)
				io.WriteString(w, s)
				if err != nil {
					t.Error(err)
				}
				return
			}
			task := asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (string, error) { return "task", asyncio.Sleep(ctx, ms) }))
			s, err := asyncio.Await(r.Context(), task)
			io.WriteString(w, s)
			if err != nil {
				t.Error(err)
			}
		}))
		defer srv.Close()
		defer http.DefaultClient.CloseIdleConnections()
		_, err := asyncio.RunUntilComplete(t.Context(), l, asyncio.Coro0(func(ctx context.Context) (int, error) {
			for _, path := range []string{"run", "task"} {
				body, err := asyncio.ToThread(ctx, func(ctx context.Context) ([]byte, error) {
					resp, err := http.Get(srv.URL + "/" + path)
					if err != nil {
						return nil, err
					}
					defer resp.Body.Close()
					return io.ReadAll(resp.Body)
				})
				if string(body) != path || err != nil {
					t.Errorf("/%s: %q, %v", path, body, err)
				}
			}
			return 0, nil
		}))
		if err != nil {
			t.Error(err)
		}
	},
	// The function of context.AfterFunc has a goroutine of its own.
	"afterfunc": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			slept := asyncio.NewFuture[time.Duration](l)
			child := task(ctx, func(ctx context.Context) error {
				context.AfterFunc(ctx, func() {
					start := time.Now()
					asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
					slept.SetResult(time.Since(start))
				})
				return asyncio.Sleep(ctx, time.Hour)
			})
			asyncio.Sleep(ctx, 0)
			child.Cancel(nil)
			if d, err := asyncio.Await(ctx, slept); d != time.Second {
				t.Errorf("slept %v, %v", d, err)
			}
			return nil
		})
	},
	// A Run inside a task has a loop of its own, and suspends the task.
	"nested_run": func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error {
				_, err := asyncio.Run(ctx, func(ctx context.Context) (int, error) { return 0, wait(ctx) }, opts)
				return err
			})
			return nil
		})
	},
	// What belongs to another loop can be awaited.
	"another_loop": func(t *testing.T, opts *asyncio.RunOptions) {
		other := asyncio.NewLoop(&opts.LoopOptions)
		defer other.Close()
		running := make(chan error)
		go func() { running <- other.RunForever(context.Background()) }()
		run(t, opts, func(ctx context.Context) error {
			suspends(t, ctx, func(wait func(context.Context) error) error {
				_, err := asyncio.Await(ctx, asyncio.CreateTask(other, asyncio.Coro0(func(ctx context.Context) (int, error) { return 0, wait(ctx) })))
				return err
			})
			return nil
		})
		other.Stop()
		if err := <-running; err != nil {
			t.Error(err)
		}
	},
	"callback": func(t *testing.T, opts *asyncio.RunOptions) {
		l := asyncio.NewLoop(&opts.LoopOptions)
		defer l.Close()
		l.CallSoon(func() {
			for _, name := range []string{"Sleep", "ToThread", "Receive", "Event"} {
				if err := waits[name](context.Background()); !errors.Is(err, asyncio.ErrWouldBlock) {
					t.Errorf("%s: %v", name, err)
				}
			}
			l.Stop()
		})
		if err := l.RunForever(t.Context()); err != nil {
			t.Error(err)
		}
	},
}

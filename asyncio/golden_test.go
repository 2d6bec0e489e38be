package asyncio_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// deviations are the traces that differ from Python's on purpose. docs/parity.md
// has the reason of each.
var deviations = map[string]string{
	"cancel_before_start": "body ran cancelled | cancelled true",
	"gather_first_error":  "caught boom sibling done true | sibling cancelled true",
	"cancel_swallowed":    "cancelled | cancelled | survived false",
	"cancel_after_result": "value",
	"queue":               "put 0 | full | got 0 | got 1 | put 1 | put 2 | got 2 | shutdown | joined",
}

// TestGoldenTraces compares the order of events with CPython's, as recorded by
// testdata/python/gen.py.
func TestGoldenTraces(t *testing.T) {
	data, err := os.ReadFile("testdata/python/traces.json")
	if err != nil {
		t.Fatal(err)
	}
	var python struct{ Traces map[string]string }
	if err := json.Unmarshal(data, &python); err != nil {
		t.Fatal(err)
	}
	for name := range python.Traces {
		if goldenTraces[name] == nil {
			t.Errorf("no Go side for %s", name)
		}
	}
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			for name, f := range goldenTraces {
				t.Run(name, func(t *testing.T) {
					want, ok := python.Traces[name]
					if !ok {
						t.Fatal("no trace of Python's")
					}
					if d, ok := deviations[name]; ok {
						if d == want {
							t.Error("the deviation is none")
						}
						want = d
					}
					synctest.Test(t, func(t *testing.T) { golden(t, e, f, want) })
				})
			}
		})
	}
}

func golden(t *testing.T, e asyncio.Engine, f goldenTrace, want string) {
	var tr trace
	opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{
		Engine:           e,
		ExceptionHandler: func(_ *asyncio.Loop, e asyncio.LoopError) { tr.add("reported %s", short(e.Err)) },
	}}
	asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		l, _ := asyncio.RunningLoop()
		f(ctx, l, &tr)
		return 0, nil
	}, opts)
	tr.want(t, want)
}

// short names err as gen.py does.
func short(err error) string {
	for name, is := range map[string]error{
		"boom": errBoom, "timeout": context.DeadlineExceeded, "cancelled": context.Canceled,
		"shutdown": asyncio.ErrQueueShutdown, "full": asyncio.ErrQueueFull,
		"invalid state": asyncio.ErrInvalidState, "broken": asyncio.ErrBrokenBarrier,
	} {
		if errors.Is(err, is) {
			return name
		}
	}
	if err == nil {
		return "nil"
	}
	return err.Error()
}

type goldenTrace func(ctx context.Context, l *asyncio.Loop, tr *trace)

const ms = time.Millisecond

func fail(d time.Duration) *asyncio.Coroutine[int] {
	return asyncio.Coro0(func(ctx context.Context) (int, error) {
		if err := asyncio.Sleep(ctx, d); err != nil {
			return 0, err
		}
		return 0, errBoom
	})
}

func nap(d time.Duration, v int) *asyncio.Coroutine[int] {
	return asyncio.Coro0(func(ctx context.Context) (int, error) { return v, asyncio.Sleep(ctx, d) })
}

// task starts a task of f.
func task(ctx context.Context, f func(ctx context.Context) error) *asyncio.Task[int] {
	return asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, f(ctx) })
}

func gather(ctx context.Context, tasks []*asyncio.Task[int]) {
	aws := make([]asyncio.Awaitable[int], len(tasks))
	for i, t := range tasks {
		aws[i] = t
	}
	asyncio.Gather(ctx, aws...)
}

var goldenTraces = map[string]goldenTrace{
	"fifo": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		var ts []*asyncio.Task[int]
		for _, c := range []string{"a", "b", "c"} {
			ts = append(ts, task(ctx, func(ctx context.Context) error {
				for i := range 3 {
					tr.add("%d %s", i, c)
					asyncio.Sleep(ctx, 0)
				}
				return nil
			}))
		}
		l.CallSoon(func() { tr.add("soon") })
		tr.add("main")
		asyncio.Sleep(ctx, 0)
		tr.add("main2")
		gather(ctx, ts)
		tr.add("end")
	},
	"future_order": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		f := asyncio.NewFuture[int](l)
		wait := func(c string) *asyncio.Task[int] {
			return task(ctx, func(ctx context.Context) error {
				v, err := asyncio.Await(ctx, f)
				tr.add("%s %d", c, v)
				return err
			})
		}
		ts := []*asyncio.Task[int]{wait("A"), wait("B")}
		asyncio.Sleep(ctx, 0)
		f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("cb") })
		tr.add("set")
		f.SetResult(1)
		l.CallSoon(func() { tr.add("soon") })
		asyncio.Sleep(ctx, 0)
		tr.add("after1")
		asyncio.Sleep(ctx, 0)
		tr.add("after2")
		gather(ctx, ts)
	},
	"future_states": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		f := asyncio.NewFuture[int](l)
		_, err := f.Result()
		tr.add("%s", short(err))
		tr.add("%s", short(f.Err()))
		tr.add("%v %v", f.Done(), f.Cancelled())
		f.SetResult(1)
		tr.add("%s", short(f.SetResult(2)))
		v, _ := f.Result()
		tr.add("%d %v %v", v, f.Done(), f.Cancel(nil))
		g := asyncio.NewFuture[int](l)
		cancelled := g.Cancel(nil)
		_, err = asyncio.Await(ctx, g)
		tr.add("%v %v %v %s", cancelled, g.Cancelled(), g.Done(), short(err))
	},
	"callbacks": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		f := asyncio.NewFuture[int](l)
		a := func(*asyncio.Future[int]) { tr.add("a") }
		b := func(*asyncio.Future[int]) { tr.add("b") }
		for _, cb := range []func(*asyncio.Future[int]){a, b, a, b} {
			f.AddDoneCallback(cb)
		}
		tr.add("removed %d", f.RemoveDoneCallback(a))
		f.SetResult(0)
		f.AddDoneCallback(a)
		tr.add("set")
		asyncio.Sleep(ctx, 0)
	},
	"steps_of_await": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		count, over := 0, false
		var tick func()
		tick = func() {
			if count++; !over && count < 1e6 {
				l.CallSoon(tick)
			}
		}
		// In a bubble time stands still while callbacks are ready, so the timers of
		// Python's side are turns here.
		turns := func(n int, f func()) {
			for ; n > 0; n-- {
				g := f
				f = func() { l.CallSoon(g) }
			}
			f()
		}
		l.CallSoon(tick)
		measure := func(what string, aw asyncio.Awaitable[int]) {
			asyncio.Sleep(ctx, 0)
			start, _ := asyncio.Await(ctx, aw)
			tr.add("%s %d", what, count-start)
		}
		f := asyncio.NewFuture[int](l)
		turns(5, func() { f.SetResult(count) })
		measure("future", f)
		measure("done task", asyncio.Go(ctx, func(context.Context) (int, error) { return count, nil }))
		late := func(ctx context.Context) (int, error) {
			for range 5 {
				asyncio.Sleep(ctx, 0)
			}
			return count, nil
		}
		measure("task", asyncio.Go(ctx, late))
		measure("gather", asyncio.Coro0(func(ctx context.Context) (int, error) {
			all, err := asyncio.Gather(ctx, asyncio.Coro0(late))
			return all[0], err
		}))
		over = true
	},
	"gather_order": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		all, _ := asyncio.Gather(ctx, nap(20*ms, 1), nap(10*ms, 2), nap(0, 3))
		tr.add("%d %d %d", all[0], all[1], all[2])
		settled, _ := asyncio.Settled(ctx, fail(0), nap(0, 1))
		tr.add("%s %d", short(settled[0].Err), settled[1].Value)
		none, _ := asyncio.Gather[int](ctx)
		tr.add("%d", len(none))
	},
	"gather_first_error": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		sibling := asyncio.CreateTask(l, nap(10*ms, 0))
		_, err := asyncio.Gather(ctx, fail(0), sibling)
		tr.add("caught %s sibling done %v", short(err), sibling.Done())
		asyncio.Sleep(ctx, 20*ms)
		tr.add("sibling cancelled %v", sibling.Cancelled())
	},
	"gather_cancel": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		child := func(c int) *asyncio.Coroutine[int] {
			return asyncio.Coro0(func(ctx context.Context) (int, error) {
				err := asyncio.Sleep(ctx, time.Second)
				if err != nil {
					tr.add("child %d cancelled", c)
				}
				return 0, err
			})
		}
		t := task(ctx, func(ctx context.Context) error {
			_, err := asyncio.Gather(ctx, child(1), child(2))
			return err
		})
		asyncio.Sleep(ctx, 10*ms)
		t.Cancel(nil)
		_, err := asyncio.Await(ctx, t)
		tr.add("%s %v", short(err), t.Cancelled())
	},
	"wait": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		names := func(ts []*asyncio.Task[int]) string {
			var all []string
			for _, t := range ts {
				all = append(all, t.Name())
			}
			if slices.Sort(all); len(all) == 0 {
				return "none"
			}
			return strings.Join(all, "")
		}
		for _, c := range []struct {
			what string
			opts *asyncio.WaitOptions
		}{
			{"FC", &asyncio.WaitOptions{When: asyncio.FirstCompleted}},
			{"FE", &asyncio.WaitOptions{When: asyncio.FirstException}},
			{"timeout", &asyncio.WaitOptions{Timeout: 15 * ms}},
			{"ALL", nil},
		} {
			ts := []*asyncio.Task[int]{
				asyncio.CreateTask(l, nap(10*ms, 0)), asyncio.CreateTask(l, fail(20*ms)), asyncio.CreateTask(l, nap(30*ms, 0)),
			}
			for i, n := range []string{"a", "E", "c"} {
				ts[i].SetName(n)
			}
			res, _ := asyncio.Wait(ctx, ts, c.opts)
			tr.add("%s %s %s", c.what, names(res.Done), names(res.Pending))
			asyncio.Sleep(ctx, 100*ms)
			ts[1].Err()
		}
	},
	"wait_cancelled": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		t := asyncio.CreateTask(l, nap(20*ms, 0))
		w := asyncio.CreateTask(l, asyncio.Coro2(asyncio.Wait, []*asyncio.Task[int]{t}, nil))
		asyncio.Sleep(ctx, 10*ms)
		w.Cancel(nil)
		_, err := asyncio.Await(ctx, w)
		tr.add("%s task done %v", short(err), t.Done())
		asyncio.Await(ctx, t)
		tr.add("task done %v", t.Done())
	},
	"as_completed": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		letter := map[int]string{1: "x", 2: "y"}
		var order []string
		for f := range asyncio.AsCompleted(ctx, 0, nap(20*ms, 1), nap(10*ms, 2)) {
			v, _ := f.Result()
			order = append(order, letter[v])
		}
		tr.add("%s", strings.Join(order, " "))
		for f, err := range asyncio.AsCompleted(ctx, 15*ms, nap(20*ms, 1), nap(10*ms, 2)) {
			if err != nil {
				tr.add("%s", short(err))
				break
			}
			v, _ := f.Result()
			tr.add("%s", letter[v])
		}
	},
	"wait_for": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		stubborn := asyncio.Coro0(func(ctx context.Context) (string, error) {
			asyncio.Sleep(ctx, time.Second)
			return "late", nil
		})
		cleanup := asyncio.Coro0(func(ctx context.Context) (string, error) {
			defer tr.add("cleanup")
			return "", asyncio.Sleep(ctx, time.Second)
		})
		bad := asyncio.Coro0(func(ctx context.Context) (string, error) {
			asyncio.Sleep(ctx, time.Second)
			return "", errBoom
		})
		seven := asyncio.Coro0(func(ctx context.Context) (string, error) { return "7", asyncio.Sleep(ctx, ms) })
		fails := asyncio.Coro0(func(ctx context.Context) (string, error) { return "", errBoom })
		for _, c := range []struct {
			what string
			aw   asyncio.Awaitable[string]
		}{{"value", seven}, {"stubborn", stubborn}, {"cleanup", cleanup}, {"bad", bad}, {"fail", fails}} {
			v, err := asyncio.WaitFor(ctx, 10*ms, c.aw)
			if err != nil {
				v = short(err)
			}
			tr.add("%s %s", c.what, v)
		}
		t := asyncio.CreateTask(l, nap(time.Second, 0))
		_, err := asyncio.WaitFor(ctx, 10*ms, t)
		tr.add("task %s %v", short(err), t.Cancelled())
		_, err = asyncio.WaitFor(ctx, 0, nap(time.Second, 0))
		tr.add("zero %s", short(err))
	},
	"timeout": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		var kept *asyncio.Timeout
		asyncio.WithoutTimeout(ctx, func(ctx context.Context, tm *asyncio.Timeout) error {
			kept = tm
			if _, ok := tm.When(); !ok {
				tr.add("nil %v", tm.Expired())
			}
			return nil
		})
		tr.add("%v", kept.Expired())
		asyncio.WithTimeout(ctx, 20*ms, func(ctx context.Context, outer *asyncio.Timeout) error {
			err := asyncio.WithTimeout(ctx, 10*ms, func(ctx context.Context, inner *asyncio.Timeout) error {
				kept = inner
				return asyncio.Sleep(ctx, time.Second)
			})
			if errors.Is(err, asyncio.ErrTimeout) {
				tr.add("inner %v %v", kept.Expired(), outer.Expired())
			}
			return nil
		})
		asyncio.WithTimeout(ctx, 10*ms, func(ctx context.Context, tm *asyncio.Timeout) error {
			tm.Reschedule(time.Second)
			err := asyncio.Sleep(ctx, 20*ms)
			tr.add("rescheduled")
			return err
		})
		err := asyncio.WithTimeout(ctx, 10*ms, func(ctx context.Context, _ *asyncio.Timeout) error {
			asyncio.Sleep(ctx, time.Second)
			return errBoom
		})
		tr.add("%s", short(err))
		t := task(ctx, func(ctx context.Context) error {
			return asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context, _ *asyncio.Timeout) error {
				return asyncio.Sleep(ctx, 2*time.Second)
			})
		})
		asyncio.Sleep(ctx, 0)
		t.Cancel(nil)
		_, err = asyncio.Await(ctx, t)
		tr.add("outside %s %v", short(err), t.Cancelled())
	},
	"taskgroup": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
			fails := func(v string) {
				asyncio.Start(g, func(ctx context.Context) (int, error) {
					asyncio.Sleep(ctx, 0)
					return 0, errors.New(v)
				})
			}
			asyncio.Start(g, func(ctx context.Context) (int, error) {
				err := asyncio.Sleep(ctx, time.Second)
				tr.add("slow cancelled")
				return 0, err
			})
			fails("1")
			fails("2")
			asyncio.Start(g, func(ctx context.Context) (int, error) {
				asyncio.Sleep(ctx, time.Second)
				return 0, errors.New("cleanup")
			})
			err := asyncio.Sleep(ctx, time.Second)
			tr.add("body cancelled")
			return err
		})
		ge, _ := errors.AsType[*asyncio.GroupError](err)
		var all []string
		for _, e := range ge.Errors {
			all = append(all, errors.Unwrap(e).Error())
		}
		tr.add("%s", strings.Join(all, " "))
		tr.add("cancelling %v", ctx.Err() != nil)
		var kept *asyncio.TaskGroup
		var five *asyncio.Task[int]
		asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
			kept = g
			five = asyncio.Start(g, func(ctx context.Context) (int, error) { return 5, asyncio.Sleep(ctx, 10*ms) })
			return nil
		})
		v, _ := five.Result()
		tr.add("%d", v)
		if errors.Is(asyncio.Start(kept, value(1)).Err(), asyncio.ErrGroupFinished) {
			tr.add("finished")
		}
	},
	"shield": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		inner := asyncio.Coro0(func(ctx context.Context) (int, error) {
			err := asyncio.Sleep(ctx, 10*ms)
			tr.add("inner finished")
			return 0, err
		})
		t := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return asyncio.Shield(ctx, inner) })
		asyncio.Sleep(ctx, 0)
		t.Cancel(nil)
		_, err := asyncio.Await(ctx, t)
		tr.add("outer %s", short(err))
		asyncio.Sleep(ctx, 20*ms)
	},
	"cancel_before_start": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		t := task(ctx, func(ctx context.Context) error {
			tr.add("body ran %s", short(ctx.Err()))
			return ctx.Err()
		})
		t.Cancel(nil)
		_, err := asyncio.Await(ctx, t)
		tr.add("%s %v", short(err), t.Cancelled())
	},
	"cancel": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		t := task(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, time.Second)
			tr.add("got it")
			return err
		})
		asyncio.Sleep(ctx, 0)
		tr.add("%v %v %v", t.Cancel(nil), t.Cancelled(), t.Cancelling())
		_, err := asyncio.Await(ctx, t)
		tr.add("%s %v %v", short(err), t.Cancelled(), t.Cancel(nil))
	},
	"cancel_swallowed": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		t := asyncio.Go(ctx, func(ctx context.Context) (string, error) {
			tr.add("%s", short(asyncio.Sleep(ctx, time.Second)))
			tr.add("%s", short(asyncio.Sleep(ctx, 10*ms)))
			return "survived", nil
		})
		asyncio.Sleep(ctx, 0)
		t.Cancel(nil)
		v, _ := asyncio.Await(ctx, t)
		tr.add("%s %v", v, t.Cancelled())
	},
	"cancel_after_result": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		f := asyncio.NewFuture[string](l)
		t := asyncio.Go(ctx, func(ctx context.Context) (string, error) { return asyncio.Await(ctx, f) })
		asyncio.Sleep(ctx, 0)
		f.SetResult("value")
		t.Cancel(nil)
		v, err := asyncio.Await(ctx, t)
		if err != nil {
			v = short(err)
		}
		tr.add("%s", v)
	},
	"lock_fifo": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		var lock asyncio.Lock
		lock.Acquire(ctx)
		var ts []*asyncio.Task[int]
		for i := range 4 {
			ts = append(ts, task(ctx, func(ctx context.Context) error {
				if err := lock.Acquire(ctx); err != nil {
					return err
				}
				defer lock.Release()
				tr.add("%d", i)
				return asyncio.Sleep(ctx, 0)
			}))
		}
		asyncio.Sleep(ctx, 0)
		tr.add("%v", lock.Locked())
		lock.Release()
		gather(ctx, ts)
		tr.add("%v", lock.Locked())
	},
	"event": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		var e asyncio.Event
		var ts []*asyncio.Task[int]
		for i := range 2 {
			ts = append(ts, task(ctx, func(ctx context.Context) error {
				err := e.Wait(ctx)
				tr.add("%d", i)
				return err
			}))
		}
		asyncio.Sleep(ctx, 0)
		e.Set()
		e.Clear()
		tr.add("%v", e.IsSet())
		gather(ctx, ts)
	},
	"condition": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		c := asyncio.NewCondition(nil)
		var ts []*asyncio.Task[int]
		for i := range 3 {
			ts = append(ts, task(ctx, func(ctx context.Context) error {
				if err := c.Acquire(ctx); err != nil {
					return err
				}
				defer c.Release()
				err := c.Wait(ctx)
				tr.add("%d %v", i, c.Locked())
				return err
			}))
		}
		asyncio.Sleep(ctx, 0)
		c.Acquire(ctx)
		c.Notify(1)
		tr.add("notified")
		c.Release()
		asyncio.Sleep(ctx, 10*ms)
		c.Acquire(ctx)
		c.NotifyAll()
		tr.add("all")
		c.Release()
		gather(ctx, ts)
	},
	"semaphore": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		s := asyncio.NewSemaphore(2)
		var ts []*asyncio.Task[int]
		for i := range 4 {
			ts = append(ts, task(ctx, func(ctx context.Context) error {
				if err := s.Acquire(ctx); err != nil {
					return err
				}
				defer s.Release()
				tr.add("%d", i)
				return asyncio.Sleep(ctx, 10*ms)
			}))
		}
		asyncio.Sleep(ctx, 0)
		asyncio.Sleep(ctx, 0)
		tr.add("locked %v", s.Locked())
		gather(ctx, ts)
		tr.add("locked %v", s.Locked())
	},
	"barrier": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		b := asyncio.NewBarrier(2)
		var ts []*asyncio.Task[int]
		for i := range 3 {
			ts = append(ts, task(ctx, func(ctx context.Context) error {
				tr.add("came %d", i)
				if _, err := b.Wait(ctx); err != nil {
					tr.add("%s", short(err))
					return nil
				}
				tr.add("went %d", i)
				return nil
			}))
		}
		asyncio.Sleep(ctx, 10*ms)
		tr.add("waiting %d", b.Waiting())
		b.Reset()
		gather(ctx, ts)
	},
	"queue": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		q := asyncio.NewQueue[int](1)
		t := task(ctx, func(ctx context.Context) error {
			for i := range 3 {
				if err := q.Put(ctx, i); err != nil {
					return err
				}
				tr.add("put %d", i)
			}
			q.Shutdown(false)
			return nil
		})
		asyncio.Sleep(ctx, 0)
		tr.add("%s", short(q.TryPut(9)))
		for {
			v, err := q.Get(ctx)
			if err != nil {
				tr.add("%s", short(err))
				break
			}
			tr.add("got %d", v)
			q.TaskDone()
		}
		q.Join(ctx)
		asyncio.Await(ctx, t)
		tr.add("joined")
	},
	"timers": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		say := func(s string) func() { return func() { tr.add("%s", s) } }
		l.CallLater(20*ms, say(".02"))
		l.CallLater(10*ms, say(".01"))
		l.CallLater(0, say("0"))
		l.CallLater(-time.Second, say("-1"))
		l.CallLater(5*ms, say("never")).Cancel()
		l.CallSoon(say("soon"))
		asyncio.Sleep(ctx, 50*ms)
	},
	"eager": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		me := asyncio.CurrentTask()
		t := asyncio.GoEager(ctx, func(context.Context) (int, error) {
			tr.add("quick %v", asyncio.CurrentTask() != me)
			return 0, nil
		})
		tr.add("%v %v", t.Done(), asyncio.CurrentTask() == me)
		t = asyncio.GoEager(ctx, func(ctx context.Context) (int, error) {
			tr.add("slow")
			asyncio.Sleep(ctx, 0)
			tr.add("slow2")
			return 0, nil
		})
		tr.add("%v", t.Done())
		asyncio.Await(ctx, t)
	},
	"shutdown": func(ctx context.Context, l *asyncio.Loop, tr *trace) {
		task(ctx, func(ctx context.Context) error {
			defer tr.add("bg cleaned")
			return asyncio.Sleep(ctx, time.Second)
		})
		task(ctx, func(ctx context.Context) error {
			asyncio.Sleep(ctx, time.Second)
			return errBoom
		})
		asyncio.Sleep(ctx, 0)
		tr.add("main returns")
	},
}

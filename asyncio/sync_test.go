package asyncio_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// spawn starts a task of f and lets it run until it waits.
func spawn(ctx context.Context, f func(ctx context.Context) error) *asyncio.Task[struct{}] {
	t := asyncio.Go(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	asyncio.Sleep(ctx, 0)
	return t
}

// settle lets all tasks run until they wait.
func settle(ctx context.Context) {
	for range 8 {
		asyncio.Sleep(ctx, 0)
	}
}

// wantPanic calls f and checks what it panics with.
func wantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

func TestLockOrder(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			var lock asyncio.Lock
			lock.Acquire(ctx)
			for i := range 4 {
				spawn(ctx, func(ctx context.Context) error {
					if err := lock.Acquire(ctx); err != nil {
						return err
					}
					defer lock.Release()
					tr.add("%d", i)
					return asyncio.Sleep(ctx, 0)
				})
			}
			if s := lock.String(); s != "<Lock [locked, waiters:4]>" {
				t.Errorf("String() = %s", s)
			}
			if lock.TryAcquire() {
				t.Error("TryAcquire of a held lock")
			}
			lock.Release()
			asyncio.Sleep(ctx, time.Second)
			if s := lock.String(); s != "<Lock [unlocked]>" || lock.Locked() {
				t.Errorf("String() = %s", s)
			}
			wantPanic(t, "asyncio: Lock is not acquired", lock.Release)
			return nil
		})
		tr.want(t, "0 | 1 | 2 | 3")
	})
}

// A waiter that is cancelled when the lock has been given to it keeps it; one
// that is cancelled before leaves the lock to the next.
func TestLockCancelRace(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			var lock asyncio.Lock
			lock.Acquire(ctx)
			var tasks []*asyncio.Task[struct{}]
			for i := range 3 {
				tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
					err := lock.Acquire(ctx)
					tr.add("%d %v", i, err)
					if err == nil {
						lock.Release()
					}
					return err
				}))
			}
			tasks[0].Cancel(nil)
			asyncio.Sleep(ctx, 0)
			lock.Release() // to 1
			tasks[1].Cancel(nil)
			settle(ctx)
			return nil
		})
		tr.want(t, "0 context canceled | 1 <nil> | 2 <nil>")
	})
}

func TestLockBetweenLoopAndGoroutines(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			var lock asyncio.Lock
			n := 0
			add := func(ctx context.Context) error {
				for range 200 {
					if err := lock.Acquire(ctx); err != nil {
						return err
					}
					n++
					asyncio.Sleep(ctx, 0)
					lock.Release()
				}
				return nil
			}
			opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e}}
			run(t, opts, func(ctx context.Context) error {
				var wg sync.WaitGroup
				wg.Go(func() { add(ctx) })
				spawn(ctx, add)
				spawn(ctx, add)
				return asyncio.WaitGroup(ctx, &wg)
			})
			if n < 200 {
				t.Errorf("n = %d", n)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			var e asyncio.Event
			for i := range 2 {
				spawn(ctx, func(ctx context.Context) error {
					err := e.Wait(ctx)
					tr.add("%d %v", i, err)
					return err
				})
			}
			late := spawn(ctx, e.Wait)
			late.Cancel(nil)
			asyncio.Sleep(ctx, 0)
			if s := e.String(); s != "<Event [unset, waiters:2]>" {
				t.Errorf("String() = %s", s)
			}
			e.Set()
			e.Clear()
			if e.IsSet() {
				t.Error("set after Clear")
			}
			settle(ctx)
			e.Set()
			return e.Wait(ctx)
		})
		tr.want(t, "0 <nil> | 1 <nil>")
	})
}

func TestCondition(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			c := asyncio.NewCondition(nil)
			n := 0
			var tasks []*asyncio.Task[struct{}]
			for i := range 3 {
				tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
					if err := c.Acquire(ctx); err != nil {
						return err
					}
					defer c.Release()
					err := c.WaitFor(ctx, func() bool { return n > i })
					tr.add("%d %v %v", i, c.Locked(), err)
					return err
				}))
			}
			c.Acquire(ctx)
			n = 1
			c.NotifyAll()
			c.Release()
			settle(ctx)
			tasks[2].Cancel(errBoom)
			settle(ctx)
			c.Acquire(ctx)
			n = 2
			c.Notify(1)
			if s := c.String(); s != "<Condition [locked]>" {
				t.Errorf("String() = %s", s)
			}
			c.Release()
			settle(ctx)
			wantPanic(t, "asyncio: cannot notify on an un-acquired lock", func() { c.Notify(1) })
			wantPanic(t, "asyncio: cannot wait on an un-acquired lock", func() { c.Wait(ctx) })
			return nil
		})
		tr.want(t, "0 true <nil> | 2 true context canceled: boom | 1 true <nil>")
	})
}

func TestSemaphore(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			s := asyncio.NewBoundedSemaphore(2)
			for i := range 4 {
				spawn(ctx, func(ctx context.Context) error {
					if err := s.Acquire(ctx); err != nil {
						return err
					}
					defer s.Release()
					tr.add("%d", i)
					return asyncio.Sleep(ctx, time.Second)
				})
			}
			if got := s.String(); got != "<BoundedSemaphore [locked, waiters:2]>" {
				t.Errorf("String() = %s", got)
			}
			if s.TryAcquire() || !s.Locked() {
				t.Error("TryAcquire without a permit")
			}
			waiter := spawn(ctx, s.Acquire)
			waiter.Cancel(nil)
			asyncio.Sleep(ctx, time.Minute)
			if got := s.String(); got != "<BoundedSemaphore [unlocked, value:2]>" {
				t.Errorf("String() = %s", got)
			}
			wantPanic(t, "asyncio: BoundedSemaphore released too many times", s.Release)
			return nil
		})
		tr.want(t, "0 | 1 | 2 | 3")
	})
}

// A permit that was released goes to the one that waits longest, though others
// ask before it runs.
func TestSemaphoreIsFair(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			s := asyncio.NewSemaphore(0)
			first := spawn(ctx, s.Acquire)
			s.Release()
			if s.TryAcquire() {
				t.Error("the late one jumped the queue")
			}
			_, err := asyncio.Await(ctx, first)
			return err
		})
	})
}

func TestBarrier(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			b := asyncio.NewBarrier(3)
			seen := map[int]int{}
			wait := func(ctx context.Context) error {
				i, err := b.Wait(ctx)
				if err == nil {
					seen[i]++
				}
				return err
			}
			spawn(ctx, wait)
			leaves := spawn(ctx, wait)
			leaves.Cancel(nil)
			settle(ctx)
			spawn(ctx, wait)
			if b.Waiting() != 2 || b.Parties() != 3 || b.String() != "<Barrier [filling, waiters:2/3]>" {
				t.Errorf("%v", b)
			}
			if err := wait(ctx); err != nil {
				return err
			}
			settle(ctx)
			if len(seen) != 3 || seen[0] != 1 || seen[1] != 1 || seen[2] != 1 {
				t.Errorf("indices %v", seen)
			}
			waiting := spawn(ctx, wait)
			b.Reset()
			if _, err := asyncio.Await(ctx, waiting); !errors.Is(err, asyncio.ErrBrokenBarrier) {
				t.Errorf("Wait at a reset barrier: %v", err)
			}
			waiting = spawn(ctx, wait)
			b.Abort()
			if _, err := asyncio.Await(ctx, waiting); !errors.Is(err, asyncio.ErrBrokenBarrier) || !b.Broken() {
				t.Errorf("Wait at an aborted barrier: %v", err)
			}
			if _, err := b.Wait(ctx); !errors.Is(err, asyncio.ErrBrokenBarrier) {
				t.Errorf("Wait at a broken barrier: %v", err)
			}
			b.Reset()
			spawn(ctx, wait)
			spawn(ctx, wait)
			return wait(ctx)
		})
	})
}

func TestQueue(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			q := asyncio.NewQueue[int](2)
			producer := spawn(ctx, func(ctx context.Context) error {
				for i := range 5 {
					if err := q.Put(ctx, i); err != nil {
						return err
					}
					tr.add("put %d", i)
				}
				q.Shutdown(false)
				return nil
			})
			if s := q.String(); s != "<Queue maxsize=2 _queue=[0 1] _putters[1] tasks=2>" {
				t.Errorf("String() = %s", s)
			}
			if err := q.TryPut(9); !errors.Is(err, asyncio.ErrQueueFull) {
				t.Errorf("TryPut: %v", err)
			}
			for v, err := range q.All(ctx) {
				if err != nil {
					return err
				}
				tr.add("got %d", v)
				q.TaskDone()
			}
			if _, err := q.Get(ctx); !errors.Is(err, asyncio.ErrQueueShutdown) {
				t.Errorf("Get: %v", err)
			}
			if err := q.Put(ctx, 1); !errors.Is(err, asyncio.ErrQueueShutdown) {
				t.Errorf("Put: %v", err)
			}
			wantPanic(t, "asyncio: TaskDone called too many times", q.TaskDone)
			if err := q.Join(ctx); err != nil {
				return err
			}
			_, err := asyncio.Await(ctx, producer)
			return err
		})
		tr.want(t, "put 0 | put 1 | got 0 | got 1 | got 2 | put 2 | put 3 | put 4 | got 3 | got 4")
	})
}

func TestQueueKinds(t *testing.T) {
	ctx := context.Background()
	drain := func(q *asyncio.Queue[string]) string {
		var all []string
		for _, s := range []string{"b1", "a1", "c", "a2", "b2"} {
			if err := q.Put(ctx, s); err != nil {
				t.Fatal(err)
			}
		}
		q.Shutdown(false)
		for v := range q.All(ctx) {
			all = append(all, v)
		}
		return strings.Join(all, " ")
	}
	first := func(a, b string) int { return cmp.Compare(a[0], b[0]) }
	for want, q := range map[string]*asyncio.Queue[string]{
		"b1 a1 c a2 b2": asyncio.NewQueue[string](asyncio.Unbounded),
		"b2 a2 c a1 b1": asyncio.NewLIFOQueue[string](5),
		"a1 a2 b1 b2 c": asyncio.NewPriorityQueue(5, first),
	} {
		if got := drain(q); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A getter that is cancelled when an item has come takes it: none is lost.
func TestQueueCancelledGetter(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			q := asyncio.NewQueue[int](1)
			get := func(ctx context.Context) (int, error) { return q.Get(ctx) }
			a := asyncio.Go(ctx, get)
			b := asyncio.Go(ctx, get)
			asyncio.Sleep(ctx, 0)
			q.TryPut(7)
			a.Cancel(nil)
			if v, err := asyncio.Await(ctx, a); v != 7 || err != nil {
				t.Errorf("cancelled after the put: %v, %v", v, err)
			}
			b.Cancel(nil)
			asyncio.Sleep(ctx, 0)
			q.TryPut(8)
			if v, err := q.TryGet(); v != 8 || err != nil {
				t.Errorf("cancelled before the put: %v, %v", v, err)
			}
			return nil
		})
	})
}

func TestQueueShutdownNow(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			q := asyncio.NewQueue[int](1)
			q.TryPut(1)
			put := spawn(ctx, func(ctx context.Context) error { return q.Put(ctx, 2) })
			join := spawn(ctx, q.Join)
			empty := asyncio.NewQueue[int](1)
			get := spawn(ctx, func(ctx context.Context) error { _, err := empty.Get(ctx); return err })
			q.Shutdown(true)
			empty.Shutdown(true)
			if _, err := asyncio.Await(ctx, put); !errors.Is(err, asyncio.ErrQueueShutdown) {
				t.Errorf("Put: %v", err)
			}
			if _, err := asyncio.Await(ctx, get); !errors.Is(err, asyncio.ErrQueueShutdown) {
				t.Errorf("Get: %v", err)
			}
			if q.Len() != 0 || q.Cap() != 1 {
				t.Errorf("Len %d Cap %d", q.Len(), q.Cap())
			}
			_, err := asyncio.Await(ctx, join)
			return err
		})
	})
}

func TestQueueBetweenLoopAndGoroutines(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e}}
			const producers, each = 4, 300
			sum := 0
			run(t, opts, func(ctx context.Context) error {
				q := asyncio.NewQueue[int](3)
				var wg sync.WaitGroup
				for range producers {
					wg.Go(func() {
						for i := range each {
							if err := q.Put(ctx, i); err != nil {
								t.Error(err)
							}
						}
					})
				}
				for range 2 {
					asyncio.Go(ctx, func(ctx context.Context) (int, error) {
						for v, err := range q.All(ctx) {
							if err != nil {
								return 0, err
							}
							sum += v
							q.TaskDone()
						}
						return 0, nil
					})
				}
				if err := asyncio.WaitGroup(ctx, &wg); err != nil {
					return err
				}
				err := q.Join(ctx)
				q.Shutdown(false)
				return err
			})
			if want := producers * each * (each - 1) / 2; sum != want {
				t.Errorf("sum = %d, want %d", sum, want)
			}
		})
	}
}

// A putter that is cancelled leaves its place to the next.
func TestQueueCancelledPutter(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			q := asyncio.NewQueue[int](1)
			q.TryPut(0)
			put := func(v int) *asyncio.Task[struct{}] {
				return spawn(ctx, func(ctx context.Context) error { return q.Put(ctx, v) })
			}
			before, after, next := put(1), put(2), put(3)
			before.Cancel(nil)
			settle(ctx)
			q.TryGet() // gives its place to 2
			after.Cancel(nil)
			settle(ctx)
			if before.Done() && !before.Cancelled() || after.Cancelled() || next.Done() {
				t.Errorf("%v\n%v\n%v", before, after, next)
			}
			for _, want := range []int{2, 3} {
				if v, err := q.Get(ctx); v != want || err != nil {
					t.Errorf("Get = %v, %v, want %d", v, err, want)
				}
			}
			return nil
		})
	})
}

package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// TestRandomPrograms runs programs made by chance: tasks that sleep, lock, pass
// items on, start, gather, print and cancel one another. Whatever the program, both
// engines make the same trace, with nested steps and, under hooks, without; no
// permit or item is lost, and all tasks end. QUARTET_SOAK=1m goes on for that long.
func TestRandomPrograms(t *testing.T) {
	soak, _ := time.ParseDuration(os.Getenv("QUARTET_SOAK"))
	start := time.Now()
	for seed := uint64(1); seed <= 60 || time.Since(start) < soak; seed++ {
		var first string
		for i := range 4 {
			p := &program{rng: rand.New(rand.NewPCG(seed, 7))}
			opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: engines[i%2], Clock: asyncio.NewVirtualClock()}}
			if i >= 2 {
				opts.Hooks = &asyncio.Hooks{}
			}
			if _, err := asyncio.Run(t.Context(), p.main, opts); err != nil {
				t.Fatalf("seed %d on %v: %v\n%s", seed, opts.Engine, err, strings.Join(p.trace, "\n"))
			}
			got := strings.Join(p.trace, "\n")
			if i == 0 {
				first = got
			} else if got != first {
				t.Fatalf("seed %d: run %d differs\n%s\n\n%s", seed, i, first, got)
			}
		}
	}
}

// A program is the shared state of the tasks of one run.
type program struct {
	rng   *rand.Rand
	trace trace

	lock    asyncio.Lock
	inside  int // tasks that hold lock
	permits *asyncio.Semaphore
	queue   *asyncio.Queue[int]
	put     int
	got     int
	tasks   []*asyncio.Task[int]
	started int
}

func (p *program) main(ctx context.Context) (int, error) {
	p.permits = asyncio.NewBoundedSemaphore(2)
	p.queue = asyncio.NewQueue[int](2)
	err := asyncio.WithGroup(ctx, &asyncio.GroupOptions{KeepGoing: true}, func(ctx context.Context, g *asyncio.TaskGroup) error {
		for range 6 {
			p.start(g)
		}
		asyncio.Sleep(ctx, time.Minute)
		g.Cancel(nil)
		return nil
	})
	for range 2 {
		if !p.permits.TryAcquire() {
			return 0, fmt.Errorf("a permit was lost: %v", p.permits)
		}
	}
	switch {
	case err != nil:
		return 0, err
	case p.lock.Locked():
		return 0, errors.New("the lock was lost")
	case p.put != p.got+p.queue.Len():
		return 0, fmt.Errorf("put %d, got %d, left %d", p.put, p.got, p.queue.Len())
	}
	for _, t := range p.tasks {
		if !t.Done() {
			return 0, fmt.Errorf("not done: %v", t)
		}
	}
	return 0, nil
}

func (p *program) start(g *asyncio.TaskGroup) {
	if p.started == 40 {
		return
	}
	p.started++
	t := asyncio.Start(g, func(ctx context.Context) (int, error) {
		me := asyncio.CurrentTask().Name()
		for step := range 12 {
			err := p.step(ctx, g)
			p.trace.add("%s %d %v", me, step, err)
			if err != nil && ctx.Err() != nil {
				return 0, ctx.Err()
			}
		}
		return 0, nil
	})
	p.tasks = append(p.tasks, t)
}

// step does something by chance.
func (p *program) step(ctx context.Context, g *asyncio.TaskGroup) error {
	short := time.Duration(p.rng.IntN(5)) * time.Second
	switch p.rng.IntN(13) {
	case 0:
		return asyncio.Sleep(ctx, 0)
	case 1:
		return asyncio.Sleep(ctx, short)
	case 2:
		return p.locked(ctx, short)
	case 3:
		if err := p.permits.Acquire(ctx); err != nil {
			return err
		}
		defer p.permits.Release()
		return asyncio.Sleep(ctx, short)
	case 4:
		err := asyncio.WithTimeout(ctx, short+1, func(ctx context.Context, _ *asyncio.Timeout) error {
			return p.queue.Put(ctx, 1)
		})
		if err == nil {
			p.put++
		}
		return err
	case 5:
		_, err := asyncio.WaitFor(ctx, short+1, asyncio.Coro0(p.queue.Get))
		if err == nil {
			p.got++
		}
		return err
	case 6:
		p.start(g)
		return nil
	case 7:
		p.tasks[p.rng.IntN(len(p.tasks))].Cancel(nil)
		return nil
	case 8:
		l, err := asyncio.RunningLoop()
		l.CallSoon(func() { p.trace.add("callback") })
		return err
	case 9:
		p.trace.add("%v", p.tasks[p.rng.IntN(len(p.tasks))])
		return nil
	case 10:
		_, err := asyncio.Gather(ctx, asyncio.Coro(p.nap, short), asyncio.Coro(p.nap, 0))
		return err
	case 11:
		t := asyncio.GoEager(ctx, func(ctx context.Context) (int, error) { return p.nap(ctx, short) })
		p.trace.add("eager %v", t.Done())
		_, err := asyncio.Await(ctx, t)
		return err
	default:
		other := p.tasks[p.rng.IntN(len(p.tasks))]
		_, err := asyncio.WaitFor(ctx, short+1, asyncio.Coro0(func(ctx context.Context) (int, error) {
			return asyncio.Await(ctx, other)
		}))
		return err
	}
}

// nap sleeps, for nothing too.
func (p *program) nap(ctx context.Context, d time.Duration) (int, error) {
	p.trace.add("%s naps for %v", asyncio.CurrentTask().Name(), d)
	return 1, asyncio.Sleep(ctx, d)
}

func (p *program) locked(ctx context.Context, d time.Duration) error {
	if err := p.lock.Acquire(ctx); err != nil {
		return err
	}
	defer p.lock.Release()
	if p.inside++; p.inside != 1 {
		panic("two tasks hold the lock")
	}
	defer func() { p.inside-- }()
	return asyncio.Sleep(ctx, d)
}

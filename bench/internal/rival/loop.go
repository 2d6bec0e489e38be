package rival

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"

	"github.com/quartet-go/quartet/bench/internal/measure"
)

// Increment is the work of a task that has next to none.
func Increment(x int) int { return x + 1 }

// ints is a round that calls work with the slice it shall fill.
func ints(work func(ctx context.Context, out []int) error) func(context.Context, int) (measure.Runner, error) {
	return measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
		out := make([]int, n)
		seconds, err := measure.Clock(func() error { return work(ctx, out) })
		return measure.Result{Amount: seconds, Work: measure.Ints(out)}, err
	})
}

// Pull resumes a bare iter.Pull coroutine n times: the least that a step of a
// task can cost.
var Pull = measure.Func(func(_ context.Context, n int) (measure.Result, error) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for i := 1; yield(i); i++ {
		}
	})
	defer stop()
	last := 0
	seconds, err := measure.Clock(func() error {
		for range n {
			last, _ = next()
		}
		return nil
	})
	return measure.Result{Amount: seconds, Work: measure.Items(last)}, err
})

// GoChan starts a goroutine for each item and receives its result, one after
// the other.
var GoChan = ints(func(_ context.Context, out []int) error {
	for i := range out {
		c := make(chan int, 1)
		go func() { c <- Increment(i) }()
		out[i] = <-c
	}
	return nil
})

// GoChanAll starts a goroutine and makes a channel for each item, then receives.
var GoChanAll = ints(func(_ context.Context, out []int) error {
	results := make([]chan int, len(out))
	for i := range out {
		results[i] = make(chan int, 1)
		go func() { results[i] <- Increment(i) }()
	}
	for i, c := range results {
		out[i] = <-c
	}
	return nil
})

// ErrGroup does each item in an errgroup without a limit.
var ErrGroup = ints(func(ctx context.Context, out []int) error {
	group, _ := errgroup.WithContext(ctx)
	for i := range out {
		group.Go(func() error {
			out[i] = Increment(i)
			return nil
		})
	}
	return group.Wait()
})

// ConcPool does each item in a pool of sourcegraph/conc, as many goroutines as CPUs.
var ConcPool = ints(func(_ context.Context, out []int) error {
	p := pool.NewWithResults[[2]int]().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i := range out {
		p.Go(func() [2]int { return [2]int{i, Increment(i)} })
	}
	for _, r := range p.Wait() {
		out[r[0]] = r[1]
	}
	return nil
})

// Channel hands each item from one goroutine to another over a channel of one.
var Channel = ints(func(_ context.Context, out []int) error {
	hop := make(chan int, 1)
	go func() {
		for i := range out {
			hop <- i
		}
	}()
	for i := range out {
		out[i] = <-hop
	}
	return nil
})

// Sleeps has n goroutines sleep for 50 ms.
var Sleeps = ints(func(_ context.Context, out []int) error {
	var all sync.WaitGroup
	for i := range out {
		all.Go(func() {
			time.Sleep(50 * time.Millisecond)
			out[i] = i
		})
	}
	all.Wait()
	return nil
})

// Timers resets and stops one time.Timer n times.
var Timers = measure.Func(func(_ context.Context, n int) (measure.Result, error) {
	t := time.AfterFunc(time.Hour, func() {})
	defer t.Stop()
	stopped := 0
	seconds, err := measure.Clock(func() error {
		for range n {
			t.Reset(time.Minute)
			if t.Stop() {
				stopped++
			}
		}
		return nil
	})
	return measure.Result{Amount: seconds, Work: measure.Items(stopped)}, err
})

// ParkedPulls is the memory of n iter.Pull coroutines that wait, in bytes.
var ParkedPulls = measure.Func(func(_ context.Context, n int) (measure.Result, error) {
	stops := make([]func(), n)
	before := Memory()
	started := 0
	for i := range stops {
		next, stop := iter.Pull(func(yield func(int) bool) { yield(i) })
		if _, ok := next(); ok {
			started++
		}
		stops[i] = stop
	}
	used := Memory() - before
	for _, stop := range stops {
		stop()
	}
	return measure.Result{Amount: float64(used), Work: measure.Items(started)}, nil
})

// Memory is what this process uses now in heap objects and stacks, in bytes.
func Memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

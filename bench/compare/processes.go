package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/peer"
	"github.com/quartet-go/quartet/bench/internal/rival"
	"github.com/quartet-go/quartet/multiprocessing"
)

var processRows = []row{
	{"multiprocessing/apply", poolApply},
	{"multiprocessing/apply-async-50k", poolApplyAsync},
	{"multiprocessing/map-chunk-1", poolMapChunk1},
	{"multiprocessing/map-default", poolMapDefault},
	{"multiprocessing/64MiB-bytes", poolBytes},
	{"multiprocessing/64MiB-Buffer", poolBuffer},
	{"multiprocessing/imap-1M-memory", poolIMapMemory},
	{"multiprocessing/process-start-join", processStartJoin},
	{"multiprocessing/dead-worker-p99", poolDeadWorker},
	{"multiprocessing/deadline-p99", poolDeadline},
}

const poolWorkers = 2

// What children run.
var (
	remoteIncrement = multiprocessing.Register("increment", increment)
	remoteTouch     = multiprocessing.Register("touch", func(_ context.Context, b []byte) (int, error) { return touch(b), nil })
	remoteTouchBuf  = multiprocessing.Register("touch-buffer", touchBuffer)
	remoteNothing   = multiprocessing.Register("nothing", func(context.Context, int) (int, error) { return 0, nil })
	remoteHang      = multiprocessing.Register("hang", hang)
)

// touch reads a byte of each page, so that all of b has arrived.
func touch(b []byte) int {
	sum := len(b)
	for i := 0; i < len(b); i += 4096 {
		sum += int(b[i])
	}
	return sum
}

func touchBuffer(_ context.Context, b *multiprocessing.Buffer) (int, error) {
	defer b.Release()
	return touch(b.Bytes()), nil
}

// hang writes the time to the file and then waits for the end of ctx.
func hang(ctx context.Context, name string) (int, error) {
	now := strconv.FormatInt(time.Now().UnixNano(), 10)
	if err := os.WriteFile(name+".new", []byte(now), 0o666); err != nil {
		return 0, err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return 0, err
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

// onPool is our side: work on a pool of so many processes that lives for all rounds.
func onPool(workers int, work func(ctx context.Context, pool *multiprocessing.Pool, n int) (measure.Result, error)) measure.Side {
	return measure.Side{Name: "quartet", Open: measure.With(func(ctx context.Context, n int) (measure.Round, func() error, error) {
		pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: workers})
		if err != nil {
			return nil, nil, err
		}
		free := func() error {
			pool.Terminate()
			return pool.Join(context.WithoutCancel(ctx))
		}
		return func(ctx context.Context) (measure.Result, error) { return work(ctx, pool, n) }, free, nil
	})}
}

// onPoolInts is onPool for work that gives a list of integers.
func onPoolInts(work func(ctx context.Context, pool *multiprocessing.Pool, n int) ([]int, error)) measure.Side {
	return onPool(poolWorkers, func(ctx context.Context, pool *multiprocessing.Pool, n int) (measure.Result, error) {
		var out []int
		seconds, err := measure.Clock(func() (err error) {
			out, err = work(ctx, pool, n)
			return err
		})
		return measure.Result{Amount: seconds, Work: measure.Ints(out)}, err
	})
}

// pythonPool is a case of pools.py.
func pythonPool(name, function string, n int, goal float64, args ...string) measure.Side {
	return measure.Side{Name: name, N: n, Goal: goal, Open: peer.Python("pools.py", function, args...)}
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// poolApply is one task there and back, after the other.
func poolApply(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.MicrosEach, N: 10_000, Want: incremented,
		Ours: onPoolInts(func(ctx context.Context, pool *multiprocessing.Pool, n int) ([]int, error) {
			return filled(n, func(i int) (int, error) { return multiprocessing.Apply(ctx, pool, remoteIncrement, i) })
		}),
		Peers: []measure.Side{
			{Name: "raw socket pair", Goal: 1.0 / 2, Open: rival.SocketPair},
			pythonPool("CPython Pool.apply", "apply", 2_000, 4),
		},
	}, nil
}

// poolApplyAsync submits 50,000 tasks, then gets their results.
func poolApplyAsync(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.MicrosEach, N: 50_000, Want: incremented,
		Ours: onPoolInts(func(ctx context.Context, pool *multiprocessing.Pool, n int) ([]int, error) {
			results := make([]*multiprocessing.AsyncResult[int], n)
			for i := range results {
				results[i] = multiprocessing.ApplyAsync(ctx, pool, remoteIncrement, i, nil)
			}
			return filled(n, func(i int) (int, error) { return results[i].Get(ctx) })
		}),
		Peers: []measure.Side{
			pythonPool("CPython Pool.apply_async", "apply_async", 0, 10),
			pythonPool("CPython ProcessPoolExecutor", "executor_submit", 5_000, 5),
			pythonPool("pebble", "pebble_schedule", 5_000, 3),
			pythonPool("mpire", "mpire_apply_async", 5_000, 3),
		},
	}, nil
}

func poolMap(n int, opts *multiprocessing.MapOptions, peers ...measure.Side) measure.Case {
	return measure.Case{
		Unit: measure.NanosEach, N: n, Want: incremented,
		Ours: onPoolInts(func(ctx context.Context, pool *multiprocessing.Pool, n int) ([]int, error) {
			return multiprocessing.Map(ctx, pool, remoteIncrement, upTo(n), opts)
		}),
		Peers: peers,
	}
}

// poolMapChunk1 maps integers, each as a task.
func poolMapChunk1(context.Context, *fixtures) (measure.Case, error) {
	return poolMap(50_000, &multiprocessing.MapOptions{ChunkSize: 1}, pythonPool("CPython Pool.map", "map_chunk1", 20_000, 8)), nil
}

// poolMapDefault maps integers in chunks of the default size.
func poolMapDefault(context.Context, *fixtures) (measure.Case, error) {
	return poolMap(1_000_000, nil, pythonPool("CPython Pool.map", "map_default", 0, 3)), nil
}

const largeBytes = 64 << 20

// touched is the work of n large arguments.
func touched(n int) measure.Work {
	return measure.Ints(slices.Repeat([]int{touch(largeArgument())}, n))
}

// largeArgument is what pools.py sends: a pattern of 64 KiB over and over.
func largeArgument() []byte { return slices.Repeat(pattern(1<<16), largeBytes>>16) }

// poolBytes hands 64 MiB to a worker, as a slice.
func poolBytes(context.Context, *fixtures) (measure.Case, error) {
	data := largeArgument()
	return measure.Case{
		Unit: measure.MillisEach, N: 4, Want: touched,
		Ours: onPoolInts(func(ctx context.Context, pool *multiprocessing.Pool, n int) ([]int, error) {
			return filled(n, func(int) (int, error) { return multiprocessing.Apply(ctx, pool, remoteTouch, data) })
		}),
		Peers: []measure.Side{pythonPool("CPython Pool.apply", "argument", 2, 4, strconv.Itoa(largeBytes))},
	}, nil
}

// poolBuffer hands 64 MiB to a worker, as shared memory.
func poolBuffer(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.MillisEach, N: 4, Want: touched,
		Ours: onPoolInts(func(ctx context.Context, pool *multiprocessing.Pool, n int) ([]int, error) {
			return filled(n, func(int) (int, error) { return multiprocessing.Apply(ctx, pool, remoteTouchBuf, sharedArgument()) })
		}),
		Peers: []measure.Side{pythonPool("CPython Pool.apply", "argument", 2, 12, strconv.Itoa(largeBytes))},
	}, nil
}

// sharedArgument is largeArgument in memory that processes can share. It lives for
// all rounds.
var sharedArgument = sync.OnceValue(func() *multiprocessing.Buffer {
	b, err := multiprocessing.NewBuffer(largeBytes)
	if err != nil {
		return nil // the work is then found to be wrong
	}
	copy(b.Bytes(), largeArgument())
	return b
})

// filled is what f returns for 0 to n-1, one after the other.
func filled(n int, f func(i int) (int, error)) ([]int, error) {
	out := make([]int, n)
	for i := range out {
		v, err := f(i)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// poolIMapMemory is how much more memory this process has at most after the first
// 100,000 of a million items that pass through IMap.
func poolIMapMemory(context.Context, *fixtures) (measure.Case, error) {
	const limit, n = 8 << 20, 1_000_000
	return measure.Case{
		Unit: measure.Unit{Name: "MiB", Scale: 1.0 / (1 << 20)}, N: n, Want: incremented,
		Ours: onPool(poolWorkers, func(ctx context.Context, pool *multiprocessing.Pool, n int) (measure.Result, error) {
			debug.FreeOSMemory()
			out := make([]int, 0, n)
			clear(out[:n]) // so that its pages are there before
			var first, most int
			options := &multiprocessing.IMapOptions{ChunkSize: 32}
			numbers := func(yield func(int) bool) {
				for i := 0; i < n && yield(i); i++ {
				}
			}
			for v, err := range multiprocessing.IMap(ctx, pool, remoteIncrement, numbers, options) {
				if err != nil {
					return measure.Result{}, err
				}
				if out = append(out, v); len(out)%(n/10) != 0 {
					continue
				}
				most = max(most, resident())
				if first == 0 {
					first = most
				}
			}
			return measure.Result{Amount: float64(most - first), Work: measure.Ints(out)}, nil
		}),
		Peers: []measure.Side{{Name: "limit", Goal: 1, Open: measure.Limit(limit, incremented)}},
	}, nil
}

// resident is the memory that this process has, in bytes.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}

// processStartJoin starts a process whose function does nothing, and joins it.
func processStartJoin(context.Context, *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.MillisEach, N: 40, Want: func(n int) measure.Work { return measure.Ints(make([]int, n)) },
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
			codes := make([]int, n)
			seconds, err := measure.Clock(func() (err error) {
				for i := range codes {
					if codes[i], err = startAndJoin(ctx); err != nil {
						return err
					}
				}
				return nil
			})
			return measure.Result{Amount: seconds, Work: measure.Ints(codes)}, err
		})},
		Peers: []measure.Side{
			{Name: "os/exec of this binary", Goal: 1 / 1.5, Open: rival.Exec},
			pythonPool("CPython spawn", "process", 5, 8, "spawn"),
			pythonPool("CPython forkserver", "process", 10, 0, "forkserver"),
			pythonPool("CPython fork", "process", 40, 0, "fork"),
		},
	}, nil
}

func startAndJoin(ctx context.Context) (int, error) {
	p := multiprocessing.NewProcess(remoteNothing, 0, nil)
	if err := p.Start(); err != nil {
		return 0, err
	}
	if err := p.Join(ctx); err != nil {
		return 0, err
	}
	code, err := p.ExitCode()
	return code, errors.Join(err, p.Close())
}

// whileSpinning is a side that runs while two processes compute. Its amount is
// the 99th percentile of the n delays that delay returns.
func whileSpinning(f *fixtures, delay func(ctx context.Context, pool *multiprocessing.Pool, name string) (time.Duration, error)) measure.Side {
	return onPool(1, func(ctx context.Context, pool *multiprocessing.Pool, n int) (measure.Result, error) {
		stop, err := rival.Spin(2)
		if err != nil {
			return measure.Result{}, err
		}
		defer stop()
		delays := make([]time.Duration, n)
		for i := range delays {
			name, err := f.path("started")
			if err != nil {
				return measure.Result{}, err
			}
			if delays[i], err = delay(ctx, pool, name); err != nil {
				return measure.Result{}, err
			}
			os.Remove(name)
		}
		slices.Sort(delays)
		return measure.Result{Amount: delays[(n*99+99)/100-1].Seconds(), Work: measure.Items(n)}, nil
	})
}

// started waits for the file that hang writes and returns the time in it.
func started(ctx context.Context, name string) (time.Time, error) {
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(name); err == nil {
			nanos, err := strconv.ParseInt(string(text), 10, 64)
			return time.Unix(0, nanos), err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return time.Time{}, context.Cause(ctx)
		}
	}
}

// poolDeadWorker is how long after a worker was killed its task's Get returns.
func poolDeadWorker(_ context.Context, f *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.Millis, N: 100, Want: measure.Items,
		Ours: whileSpinning(f, func(ctx context.Context, pool *multiprocessing.Pool, name string) (time.Duration, error) {
			r := multiprocessing.ApplyAsync(ctx, pool, remoteHang, name, nil)
			if _, err := started(ctx, name); err != nil {
				return 0, err
			}
			killed := time.Now()
			if err := syscall.Kill(pool.Pids()[0], syscall.SIGKILL); err != nil {
				return 0, err
			}
			_, err := r.Get(ctx)
			if _, died := errors.AsType[*multiprocessing.WorkerError](err); !died {
				return 0, fmt.Errorf("killed worker's task: %w", err)
			}
			return time.Since(killed), nil
		}),
		Peers: []measure.Side{{Name: "limit", Goal: 1, Open: measure.Limit(20e-3, measure.Items)}},
	}, nil
}

// poolDeadline is how long after a task's own limit its Get returns.
func poolDeadline(_ context.Context, f *fixtures) (measure.Case, error) {
	const limit = 20 * time.Millisecond
	return measure.Case{
		Unit: measure.Millis, N: 100, Want: measure.Items,
		Ours: whileSpinning(f, func(ctx context.Context, pool *multiprocessing.Pool, name string) (time.Duration, error) {
			r := multiprocessing.ApplyAsync(ctx, pool, remoteHang, name, &multiprocessing.AsyncOptions[int]{Timeout: limit})
			_, err := r.Get(ctx)
			returned := time.Now()
			if !errors.Is(err, multiprocessing.ErrTimeout) {
				return 0, fmt.Errorf("task over its limit: %w", err)
			}
			start, err := started(ctx, name)
			return max(0, returned.Sub(start.Add(limit))), err
		}),
		Peers: []measure.Side{{Name: "limit", Goal: 1, Open: measure.Limit(10e-3, measure.Items)}},
	}, nil
}

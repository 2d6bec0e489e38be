package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/multiprocessing"
)

// The rows of this file measure a process of their own, so that threads and
// descriptors of other rows are not in it.
var (
	remoteStuck   = multiprocessing.Register2("stuck", stuck)
	remoteCancels = multiprocessing.Register2("cancels", cancels)
)

// A stuckOutcome tells how a process fared with calls that cannot return.
type stuckOutcome struct {
	Calls   int // that ended with the cause
	Threads int // at most, while they hung
	GivenUp time.Duration
}

// stuck makes n calls on FIFOs in folder that nobody else opens: reads of one, and
// opens of another for writing. When all hang it gives them up at once.
func stuck(ctx context.Context, folder string, n int) (stuckOutcome, error) {
	reading, writing := filepath.Join(folder, "reading"), filepath.Join(folder, "writing")
	for _, name := range []string{reading, writing} {
		if err := syscall.Mkfifo(name, 0o666); err != nil {
			return stuckOutcome{}, err
		}
		defer os.Remove(name)
	}
	f, err := aiofiles.Open(ctx, reading, "rb", nil)
	if err != nil {
		return stuckOutcome{}, err
	}
	defer f.Close()

	errGivenUp := errors.New("given up")
	calls, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all, begun sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		begun.Add(1)
		all.Go(func() {
			begun.Done()
			if i%2 == 0 {
				_, errs[i] = f.Read(calls, make([]byte, 1))
				return
			}
			w, err := aiofiles.Open(calls, writing, "wb", nil)
			if errs[i] = err; err == nil {
				w.Close()
			}
		})
	}
	begun.Wait()
	out := stuckOutcome{}
	for range 20 { // they get as far as they can
		time.Sleep(10 * time.Millisecond)
		out.Threads = max(out.Threads, threads())
	}
	start := time.Now()
	cancel(errGivenUp)
	all.Wait()
	out.GivenUp = time.Since(start)
	for _, err := range errs {
		if errors.Is(err, errGivenUp) {
			out.Calls++
		}
	}
	return out, nil
}

// threads is how many threads this process has.
func threads() int {
	found, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	return len(found)
}

// fresh calls f with n in a new process.
func fresh[T any](ctx context.Context, f *fixtures, fn multiprocessing.Func[multiprocessing.Args2[string, int], T], n int) (T, error) {
	var zero T
	folder, err := f.path()
	if err != nil {
		return zero, err
	}
	if folder, err = os.MkdirTemp(folder, "fresh-"); err != nil {
		return zero, err
	}
	defer os.RemoveAll(folder)
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 1})
	if err != nil {
		return zero, err
	}
	defer pool.Terminate()
	return multiprocessing.Apply(ctx, pool, fn, multiprocessing.Of2(folder, n))
}

const stuckCalls = 20_000

func fileStuck(f *fixtures, unit measure.Unit, limit float64, amount func(stuckOutcome) float64) (measure.Case, error) {
	return measure.Case{
		Unit: unit, N: stuckCalls, Want: measure.Items,
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
			out, err := fresh(ctx, f, remoteStuck, n)
			return measure.Result{Amount: amount(out), Work: measure.Items(out.Calls)}, err
		})},
		Peers: []measure.Side{{Name: "limit", Goal: 1, Open: measure.Limit(limit, measure.Items)}},
	}, nil
}

// fileStuckThreads is how many threads a process has while 20,000 calls hang.
func fileStuckThreads(_ context.Context, f *fixtures) (measure.Case, error) {
	return fileStuck(f, measure.Unit{Name: "threads", Scale: 1}, aiofiles.DefaultThreads+10,
		func(o stuckOutcome) float64 { return float64(o.Threads) })
}

// fileStuckTime is how long it takes until all of them have been given up.
func fileStuckTime(_ context.Context, f *fixtures) (measure.Case, error) {
	return fileStuck(f, measure.Millis, 50e-3, func(o stuckOutcome) float64 { return o.GivenUp.Seconds() })
}

// A remains tells what a process had left after calls that were cancelled.
type remains struct {
	Calls     int // that were made
	Cancelled int // of those, how many ended by their ctx
	Left      []string
}

// cancels makes n calls that are each given up after a random moment, and tells
// what is left of them.
func cancels(ctx context.Context, folder string, n int) (remains, error) {
	fifo, file := filepath.Join(folder, "fifo"), filepath.Join(folder, "file")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		return remains{}, err
	}
	if err := os.WriteFile(file, pattern(1<<16), 0o666); err != nil {
		return remains{}, err
	}
	calls := []func(ctx context.Context, i int) error{
		func(ctx context.Context, _ int) error { return readSome(ctx, fifo) },
		func(ctx context.Context, _ int) error { return readSome(ctx, file) },
		func(ctx context.Context, _ int) error {
			_, err := aiofiles.ReadFile(ctx, file)
			return err
		},
		func(ctx context.Context, i int) error {
			return aiofiles.WriteFileAtomic(ctx, fmt.Sprintf("%s-%d", file, i%16), []byte("new"), &aiofiles.AtomicOptions{Strength: aiofiles.RenameOnly})
		},
	}
	if err := calls[2](ctx, 0); err != nil { // what the first call makes, stays
		return remains{}, err
	}
	goroutines, open := runtime.NumGoroutine(), len(descriptors())
	const width = 64
	var all sync.WaitGroup
	var mu sync.Mutex
	var out remains
	for w := range width {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for i := w; i < n; i += width {
				ctx, cancel := context.WithTimeout(ctx, time.Duration(random.IntN(300))*time.Microsecond)
				err := calls[random.IntN(len(calls))](ctx, i)
				ended := ctx.Err() != nil
				cancel()
				mu.Lock()
				out.Calls++
				if err != nil && ended {
					out.Cancelled++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if runtime.NumGoroutine() <= goroutines && len(descriptors()) <= open {
			break
		}
	}
	if extra := runtime.NumGoroutine() - goroutines; extra > 0 {
		out.Left = append(out.Left, fmt.Sprintf("%d goroutines", extra))
	}
	if extra := len(descriptors()) - open; extra > 0 {
		out.Left = append(out.Left, fmt.Sprintf("%d descriptors among %q", extra, descriptors()))
	}
	if extra := countIn(folder) - 2 - 16; extra > 0 {
		out.Left = append(out.Left, fmt.Sprintf("%d temporary files", extra))
	}
	return out, nil
}

func readSome(ctx context.Context, name string) error {
	f, err := aiofiles.Open(ctx, name, "rb", nil)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Read(ctx, make([]byte, 4096)); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// descriptors tells what this process has open.
func descriptors() []string {
	const folder = "/proc/self/fd"
	found, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var open []string
	for _, f := range found {
		if target, err := os.Readlink(filepath.Join(folder, f.Name())); err == nil { // not that of folder itself
			open = append(open, target)
		}
	}
	return open
}

func countIn(folder string) int {
	found, err := os.ReadDir(folder)
	if err != nil {
		return -1
	}
	return len(found)
}

// fileCancels is what is left of 100,000 calls that were given up.
func fileCancels(_ context.Context, f *fixtures) (measure.Case, error) {
	return measure.Case{
		Unit: measure.Unit{Name: "left over", Scale: 1}, N: 100_000, Want: measure.Items,
		Ours: measure.Side{Name: "quartet", Open: measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
			out, err := fresh(ctx, f, remoteCancels, n)
			if err == nil && out.Cancelled < n/10 {
				err = fmt.Errorf("only %d of %d calls were cancelled", out.Cancelled, out.Calls)
			}
			if err == nil && len(out.Left) > 0 {
				err = fmt.Errorf("left over: %q", out.Left)
			}
			return measure.Result{Amount: float64(len(out.Left)), Work: measure.Items(out.Calls)}, err
		})},
		Peers: []measure.Side{{Name: "limit", Goal: 1, Open: measure.Limit(0, measure.Items)}},
	}, nil
}

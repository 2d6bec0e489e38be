package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartet-go/quartet/multiprocessing"
)

var (
	square = multiprocessing.Register("square", func(_ context.Context, n int) (int, error) { return n * n, nil })
	add    = multiprocessing.Register2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	pid    = multiprocessing.Register("pid", func(context.Context, struct{}) (int, error) { return os.Getpid(), nil })

	length = multiprocessing.Register("length", func(_ context.Context, b []byte) (int, error) { return len(b), nil })

	errOdd = multiprocessing.RegisterError("odd", errors.New("odd number"))
	halve  = multiprocessing.Register("halve", func(_ context.Context, n int) (int, error) {
		switch {
		case n < 0:
			panic("below zero")
		case n%2 != 0:
			return 0, fmt.Errorf("halving %d: %w", n, errOdd)
		}
		return n / 2, nil
	})
	exitWith = multiprocessing.Register("exitWith", func(_ context.Context, code int) (int, error) {
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(code)
		return 0, nil
	})
	kill = multiprocessing.Register("kill", func(_ context.Context, sig int) (int, error) {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return 0, err
		}
		if err := self.Signal(syscall.Signal(sig)); err != nil {
			return 0, err
		}
		select {}
	})
	untilCancelled = multiprocessing.Register("untilCancelled", func(ctx context.Context, file string) (string, error) {
		if file != "" {
			if err := os.WriteFile(file, []byte("started"), 0o600); err != nil {
				return "", err
			}
		}
		<-ctx.Done()
		return "", context.Cause(ctx)
	})
	spin = multiprocessing.Register("spin", func(_ context.Context, file string) (int, error) {
		if file != "" {
			if err := os.WriteFile(file, []byte("started"), 0o600); err != nil {
				return 0, err
			}
		}
		for n := 0; ; n++ {
			if n < 0 {
				return n, nil
			}
		}
	})
)

// newPool returns a pool that ends with the test.
func newPool(t testing.TB, opts *multiprocessing.PoolOptions) *multiprocessing.Pool {
	t.Helper()
	p, err := multiprocessing.NewPool(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Terminate)
	return p
}

func workers(n int) *multiprocessing.PoolOptions { return &multiprocessing.PoolOptions{Workers: n} }

func TestApply(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	for i := range 100 {
		got, err := multiprocessing.Apply(t.Context(), p, square, i)
		if got != i*i || err != nil {
			t.Fatalf("square(%d) = %d, %v", i, got, err)
		}
	}
	if got, err := multiprocessing.Apply(t.Context(), p, add, multiprocessing.Of2(1, 2)); got != 3 || err != nil {
		t.Errorf("add(1, 2) = %d, %v", got, err)
	}
	if got, err := multiprocessing.Apply(t.Context(), p, pid, struct{}{}); got == os.Getpid() || err != nil {
		t.Errorf("pid() = %d, %v: not another process", got, err)
	}
}

func TestApplyAsyncManyInOrder(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	var results []*multiprocessing.AsyncResult[int]
	for i := range 5000 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), p, square, i, nil))
	}
	for i, r := range results {
		if got, err := r.Get(t.Context()); got != i*i || err != nil {
			t.Fatalf("square(%d) = %d, %v", i, got, err)
		}
	}
}

func TestMapVerbs(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	in := make([]int, 1000)
	want := make([]int, len(in))
	for i := range in {
		in[i], want[i] = i, i*i
	}
	for _, chunk := range []int{0, 1, 3, 1000, 5000} {
		got, err := multiprocessing.Map(t.Context(), p, square, in, &multiprocessing.MapOptions{ChunkSize: chunk})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("chunk size %d: %v, %v", chunk, got, err)
		}
	}
	pairs := []multiprocessing.Args2[int, int]{{A: 1, B: 2}, {A: 3, B: 4}}
	if got, err := multiprocessing.Starmap(t.Context(), p, add, pairs, nil); err != nil || !slices.Equal(got, []int{3, 7}) {
		t.Errorf("Starmap = %v, %v", got, err)
	}
	if got, err := multiprocessing.Map(t.Context(), p, square, nil, nil); len(got) != 0 || err != nil {
		t.Errorf("Map of nothing = %v, %v", got, err)
	}
}

func TestRemoteError(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	_, err := multiprocessing.Apply(t.Context(), p, halve, 3)
	remote, ok := errors.AsType[*multiprocessing.RemoteError](err)
	if !ok || !errors.Is(err, errOdd) || remote.Message != "halving 3: odd number" || remote.Pid == os.Getpid() || remote.Item != -1 {
		t.Errorf("halve(3): %#v", err)
	}
	before := p.Pids()
	_, err = multiprocessing.Apply(t.Context(), p, halve, -1)
	remote, ok = errors.AsType[*multiprocessing.RemoteError](err)
	if !ok || !remote.Panic || remote.Message != "below zero" || remote.Stack == "" {
		t.Errorf("halve(-1): %#v", err)
	}
	// The worker that saw a panic is replaced.
	if got, err := multiprocessing.Apply(t.Context(), p, halve, 4); got != 2 || err != nil {
		t.Errorf("halve(4) = %d, %v", got, err)
	}
	if after := p.Pids(); cmp.Equal(before, after) {
		t.Errorf("workers before and after a panic: %v", after)
	}
	_, err = multiprocessing.Map(t.Context(), p, halve, []int{2, 4, 5, 7, 8}, &multiprocessing.MapOptions{ChunkSize: 2})
	if remote, ok = errors.AsType[*multiprocessing.RemoteError](err); !ok || remote.Item != 2 || !errors.Is(err, errOdd) {
		t.Errorf("Map(halve): %v", err)
	}
}

func TestWorkerError(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	_, err := multiprocessing.Apply(t.Context(), p, exitWith, 3)
	death, ok := errors.AsType[*multiprocessing.WorkerError](err)
	if !ok || death.ExitCode != 3 || death.Signal != 0 || death.Stderr != "last words\n" || death.Pid == 0 {
		t.Errorf("exitWith(3): %#v", err)
	}
	r := multiprocessing.ApplyAsync(t.Context(), p, kill, int(syscall.SIGKILL), nil)
	_, err = r.Get(t.Context())
	if death, ok = errors.AsType[*multiprocessing.WorkerError](err); !ok || death.Signal != syscall.SIGKILL || death.ExitCode != -1 {
		t.Errorf("kill: %#v", err)
	}
	if got, err := multiprocessing.Apply(t.Context(), p, square, 5); got != 25 || err != nil {
		t.Errorf("square(5) after two deaths = %d, %v", got, err)
	}
}

func TestDeathFailsTheStartedTaskAlone(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	r := multiprocessing.ApplyAsync(t.Context(), p, exitWith, 1, nil)
	var rest []*multiprocessing.AsyncResult[int]
	for i := range 50 {
		rest = append(rest, multiprocessing.ApplyAsync(t.Context(), p, square, i, nil))
	}
	if _, err := r.Get(t.Context()); err == nil {
		t.Error("exitWith(1): no error")
	}
	for i, r := range rest {
		if got, err := r.Get(t.Context()); got != i*i || err != nil {
			t.Errorf("square(%d) = %d, %v", i, got, err)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, Grace: 200 * time.Millisecond})
	for name, f := range map[string]func(timeout time.Duration) error{
		"heeds ctx": func(d time.Duration) error {
			_, err := multiprocessing.ApplyAsync(t.Context(), p, untilCancelled, "", &multiprocessing.AsyncOptions[string]{Timeout: d}).Get(t.Context())
			return err
		},
		"loops": func(d time.Duration) error {
			_, err := multiprocessing.ApplyAsync(t.Context(), p, spin, "", &multiprocessing.AsyncOptions[int]{Timeout: d}).Get(t.Context())
			return err
		},
	} {
		err := f(50 * time.Millisecond)
		if !errors.Is(err, multiprocessing.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		// What waits behind is not counted as running.
		r := multiprocessing.ApplyAsync(t.Context(), p, square, 3, &multiprocessing.AsyncOptions[int]{Timeout: time.Minute})
		if got, err := r.Get(t.Context()); got != 9 || err != nil {
			t.Errorf("%s: after it %d, %v", name, got, err)
		}
	}
}

func TestCtxOfApplyEndsTheWork(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	started := t.TempDir() + "/started"
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	go func() {
		awaitFile(t, started)
		cancel(why)
	}()
	_, err := multiprocessing.Apply(ctx, p, untilCancelled, started)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("Apply = %v", err)
	}
	before := p.Pids()
	if got, err := multiprocessing.Apply(t.Context(), p, square, 3); got != 9 || err != nil {
		t.Errorf("square(3) = %d, %v", got, err)
	}
	if after := p.Pids(); !cmp.Equal(before, after) {
		t.Errorf("a worker that heeded its ctx was replaced: %v, %v", before, after)
	}
}

// awaitFile waits until a file exists.
func awaitFile(t testing.TB, name string) {
	for range 10_000 {
		if _, err := os.Stat(name); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("no file %s", name)
}

func TestGetPastItsLimit(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	r := multiprocessing.ApplyAsync(t.Context(), p, untilCancelled, "", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := r.Get(ctx); !errors.Is(err, multiprocessing.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get = %v", err)
	}
	if r.Wait(ctx) || r.Ready() {
		t.Error("ready after the wait ended")
	}
	if _, err := r.Successful(); !errors.Is(err, multiprocessing.ErrNotReady) {
		t.Errorf("Successful = %v", err)
	}
	r.Cancel(nil)
	if _, err := r.Get(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Get after Cancel = %v", err)
	}
	if ok, err := r.Successful(); ok || err != nil {
		t.Errorf("Successful = %v, %v", ok, err)
	}
}

func TestPoolStates(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	if err := p.Join(t.Context()); !errors.Is(err, multiprocessing.ErrPoolRunning) {
		t.Errorf("Join of a running pool = %v", err)
	}
	var results []*multiprocessing.AsyncResult[int]
	for i := range 100 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), p, square, i, nil))
	}
	p.Close()
	p.Close()
	if _, err := multiprocessing.Apply(t.Context(), p, square, 1); !errors.Is(err, multiprocessing.ErrPoolClosed) {
		t.Errorf("Apply after Close = %v", err)
	}
	if err := p.Join(t.Context()); err != nil {
		t.Errorf("Join = %v", err)
	}
	for i, r := range results {
		if got, err := r.Get(t.Context()); got != i*i || err != nil {
			t.Errorf("square(%d) = %d, %v", i, got, err)
		}
	}
	if pids := p.Pids(); len(pids) > 0 {
		t.Errorf("workers after Join: %v", pids)
	}
	p.Terminate()
	if _, err := multiprocessing.Map(t.Context(), p, square, []int{1}, nil); !errors.Is(err, multiprocessing.ErrPoolClosed) {
		t.Errorf("Map after Terminate = %v", err)
	}
}

func TestTerminateEndsEverything(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	var results []*multiprocessing.AsyncResult[string]
	for range 20 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), p, untilCancelled, "", nil))
	}
	p.Terminate()
	for _, r := range results {
		if _, err := r.Get(t.Context()); !errors.Is(err, multiprocessing.ErrPoolTerminated) {
			t.Errorf("Get = %v", err)
		}
	}
	if err := p.Join(t.Context()); err != nil {
		t.Errorf("Join = %v", err)
	}
}

func wantWorkerError(t *testing.T, err error) *multiprocessing.WorkerError {
	t.Helper()
	death, ok := errors.AsType[*multiprocessing.WorkerError](err)
	if !ok {
		t.Fatalf("error %v, want a WorkerError", err)
	}
	return death
}

func wantWorks(t *testing.T, ex multiprocessing.Executor) {
	t.Helper()
	if v, err := multiprocessing.Map(t.Context(), ex, square, []int{1, 2, 3, 4}, nil); err != nil || !slices.Equal(v, []int{1, 4, 9, 16}) {
		t.Errorf("Map = %v, %v", v, err)
	}
}

func killPid(t *testing.T, pid int) {
	t.Helper()
	if process, err := os.FindProcess(pid); err == nil {
		_ = process.Kill()
		_ = process.Release()
	}
}

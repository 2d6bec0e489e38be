//go:build unix

package multiprocessing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// TestHangCatalogue is one test for each way in which a pool, queue or lock of
// CPython blocks for ever, or the nearest that Go has. Each has five seconds.
func TestHangCatalogue(t *testing.T) {
	t.Parallel()
	for _, h := range []struct {
		name, trigger string
		run           func(t *testing.T)
	}{
		{"H01", "worker killed in the middle of a task", hangKilledWorker},
		{"H02", "idle worker killed", hangKilledIdle},
		{"H03", "task ends its process or its goroutine", hangExit},
		{"H04", "value or error that does not decode", hangUndecodable},
		{"H05", "callback panics", hangCallback},
		{"H06", "Get after Terminate", hangGetAfterTerminate},
		{"H07", "initializer fails", hangInitializer},
		{"H08", "Terminate while the pipes are full, and in a callback", hangTerminate},
		{"H09", "Close and Join after leaving IMap", hangLeftIMap},
		{"H10", "end with results that nobody takes", hangUntaken},
		{"H11", "peer dies in the middle of a message", hangHalfMessage},
		{"H12", "holder of a lock is killed", hangLockHolder},
		{"H13", "100 starts while goroutines hold locks and run cgo", hangStarts},
		{"H14", "tasks per child reached", hangTasksPerChild},
		{"H15", "argument that does not encode", hangUnencodable},
		{"H16", "work for workers that are dead", hangDeadWorkers},
		{"H17", "100 workers", hangHundredWorkers},
		{"H18", "interrupt", hangInterrupt},
		{"H19", "task that gives tasks to its own full pool", hangNested},
	} {
		t.Run(h.name, func(t *testing.T) {
			defer watch(5*patience, h.name+": "+h.trigger)()
			h.run(t)
		})
	}
}

// watch ends the test binary with all stacks if the function it returns is not
// called within d, or as many times d as the machine has work for.
func watch(d time.Duration, what string) (done func()) {
	over := make(chan struct{})
	go func() {
		for from := time.Now(); ; {
			select {
			case <-over:
				return
			case <-time.After(d):
			}
			if time.Since(from) >= time.Duration(float64(d)*load()) {
				buf := make([]byte, 1<<20)
				panic(fmt.Sprintf("hangs: %s\n%s", what, buf[:runtime.Stack(buf, true)]))
			}
		}
	}()
	return func() { close(over) }
}

// load returns how many times more there is to run than the machine has processors.
func load() float64 {
	var one float64
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(b), &one)
	}
	return max(1, one/float64(runtime.NumCPU()))
}

func hangKilledWorker(t *testing.T) {
	p := newPool(t, workers(2))
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGABRT} {
		_, err := multiprocessing.Apply(t.Context(), p, kill, int(sig))
		wantWorkerError(t, err)
	}
	wantWorks(t, p)
}

func hangKilledIdle(t *testing.T) {
	p := newPool(t, workers(2))
	for _, pid := range p.Pids() {
		killPid(t, pid)
		wantWorks(t, p)
	}
}

func hangExit(t *testing.T) {
	p := newPool(t, workers(1))
	_, err := multiprocessing.Apply(t.Context(), p, exitWith, 0)
	if death := wantWorkerError(t, err); death.ExitCode != 0 || death.Signal != 0 {
		t.Errorf("exit: %v", err)
	}
	_, err = multiprocessing.ApplyAsync(t.Context(), p, goexit, struct{}{}, nil).Get(t.Context())
	if remote, ok := errors.AsType[*multiprocessing.RemoteError](err); !ok || !remote.Panic {
		t.Errorf("Goexit: %v", err)
	}
	wantWorks(t, p)
}

// A sour value encodes and does not decode.
type sour struct{ _ int }

func (sour) MarshalBinary() ([]byte, error)  { return []byte("sour"), nil }
func (*sour) UnmarshalBinary(b []byte) error { return errors.New("sour") }

// A mute error panics when it is asked for its text.
type mute struct{ p *int }

func (m mute) Error() string { return fmt.Sprint(*m.p) }

var (
	giveSour = multiprocessing.Register("giveSour", func(context.Context, int) (sour, error) { return sour{}, nil })
	takeSour = multiprocessing.Register("takeSour", func(context.Context, sour) (int, error) { return 0, nil })
	giveMute = multiprocessing.Register("giveMute", func(context.Context, int) (int, error) { return 0, mute{} })
)

func hangUndecodable(t *testing.T) {
	p := newPool(t, workers(1))
	if _, err := multiprocessing.Apply(t.Context(), p, giveSour, 1); !errors.Is(err, multiprocessing.ErrEncoding) {
		t.Errorf("result: %v", err)
	}
	if _, err := multiprocessing.Apply(t.Context(), p, takeSour, sour{}); !errors.Is(err, multiprocessing.ErrEncoding) {
		t.Errorf("argument: %v", err)
	}
	_, err := multiprocessing.Apply(t.Context(), p, giveMute, 1)
	if remote, ok := errors.AsType[*multiprocessing.RemoteError](err); !ok || !strings.HasSuffix(remote.Type, "mute") {
		t.Errorf("error: %v", err)
	}
	wantWorks(t, p)
}

func hangCallback(t *testing.T) {
	p := newPool(t, workers(1))
	for _, callback := range []func(int) error{
		func(int) error { panic("oh") },
		func(int) error { runtime.Goexit(); return nil },
	} {
		r := multiprocessing.ApplyAsync(t.Context(), p, square, 3, &multiprocessing.AsyncOptions[int]{Callback: callback})
		_, err := r.Get(t.Context())
		if remote, ok := errors.AsType[*multiprocessing.RemoteError](err); !ok || !remote.Panic {
			t.Errorf("Get = %v", err)
		}
	}
	wantWorks(t, p)
}

func hangGetAfterTerminate(t *testing.T) {
	p := newPool(t, workers(1))
	r := multiprocessing.ApplyAsync(t.Context(), p, untilCancelled, "", nil)
	pending := multiprocessing.MapAsync(t.Context(), p, square, make([]int, 100), nil)
	p.Terminate()
	if _, err := r.Get(t.Context()); !errors.Is(err, multiprocessing.ErrPoolTerminated) {
		t.Errorf("running: %v", err)
	}
	if _, err := pending.Get(t.Context()); !errors.Is(err, multiprocessing.ErrPoolTerminated) {
		t.Errorf("pending: %v", err)
	}
}

func hangInitializer(t *testing.T) {
	if _, err := multiprocessing.NewPool(t.Context(), &multiprocessing.PoolOptions{Workers: 2, Initializer: remember.With("error")}); !errors.Is(err, errOdd) {
		t.Errorf("NewPool = %v", err)
	}
	// One that fails only in the worker that replaces the first.
	marker := t.TempDir() + "/marker"
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, Initializer: onceOnly.With(marker)})
	r := multiprocessing.ApplyAsync(t.Context(), p, exitWith, 1, nil)
	pending := multiprocessing.ApplyAsync(t.Context(), p, square, 1, nil)
	_, err := r.Get(t.Context())
	wantWorkerError(t, err)
	if _, err := pending.Get(t.Context()); !errors.Is(err, multiprocessing.ErrPoolBroken) || !errors.Is(err, os.ErrExist) {
		t.Errorf("Get = %v", err)
	}
	if _, err := multiprocessing.Apply(t.Context(), p, square, 1); !errors.Is(err, multiprocessing.ErrPoolBroken) {
		t.Errorf("Apply = %v", err)
	}
}

var onceOnly = multiprocessing.Register("onceOnly", func(_ context.Context, marker string) (struct{}, error) {
	f, err := os.OpenFile(marker, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, f.Close()
})

func hangTerminate(t *testing.T) {
	p := newPool(t, workers(2))
	for _, pid := range p.Pids() {
		stopPid(t, pid)
	}
	big := make([]byte, 8<<20)
	var results []*multiprocessing.AsyncResult[int]
	for range 6 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), p, length, big, nil))
	}
	var inside sync.WaitGroup
	inside.Go(func() {
		_, err := multiprocessing.Apply(context.Background(), p, length, big)
		if !errors.Is(err, multiprocessing.ErrPoolTerminated) && !errors.Is(err, multiprocessing.ErrPoolClosed) {
			t.Errorf("Apply = %v", err)
		}
	})
	p.Terminate()
	inside.Wait()
	for _, r := range results {
		if _, err := r.Get(t.Context()); !errors.Is(err, multiprocessing.ErrPoolTerminated) {
			t.Errorf("Get = %v", err)
		}
	}

	p = newPool(t, workers(1))
	r := multiprocessing.ApplyAsync(t.Context(), p, halve, 3, &multiprocessing.AsyncOptions[int]{
		ErrorCallback: func(error) error { p.Terminate(); return nil },
	})
	if _, err := r.Get(t.Context()); !errors.Is(err, errOdd) {
		t.Errorf("Get = %v", err)
	}
	if err := p.Join(t.Context()); err != nil {
		t.Errorf("Join = %v", err)
	}
}

func hangLeftIMap(t *testing.T) {
	p := newPool(t, workers(2))
	var pulled int
	for range multiprocessing.IMap(t.Context(), p, square, naturals(&pulled), nil) {
		break
	}
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Errorf("Join = %v", err)
	}
}

var megabytes = multiprocessing.Register("megabytes", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n<<20), nil })

func hangUntaken(t *testing.T) {
	p := newPool(t, workers(2))
	for range 8 {
		multiprocessing.ApplyAsync(t.Context(), p, megabytes, 1, nil)
	}
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Errorf("Join = %v", err)
	}
}

func hangHalfMessage(t *testing.T) {
	p := newPool(t, workers(1))
	for range 3 { // the worker dies while megabytes are on their way to it
		pid := p.Pids()[0]
		stopPid(t, pid)
		r := multiprocessing.ApplyAsync(t.Context(), p, length, make([]byte, 4<<20), nil)
		killPid(t, pid)
		if n, err := r.Get(t.Context()); n != 4<<20 || err != nil {
			t.Errorf("a task that never began: %v, %v", n, err)
		}
	}
	// Bad bytes from a worker cost that worker and its task, nothing else.
	_, err := multiprocessing.Apply(t.Context(), p, garble, []byte("no frame at all, and long enough for a header"))
	wantWorkerError(t, err)
	_, err = multiprocessing.Apply(t.Context(), p, garble, []byte("Q\x01half"))
	wantWorkerError(t, err)
	wantWorks(t, p)
}

func hangLockHolder(t *testing.T) {
	p := newPool(t, workers(2))
	lock := t.TempDir() + "/lock"
	held := t.TempDir() + "/held"
	r := multiprocessing.ApplyAsync(t.Context(), p, holdLock, multiprocessing.Of2(lock, held), nil)
	awaitFile(t, held)
	other := multiprocessing.ApplyAsync(t.Context(), p, takeLock, lock, nil)
	for _, pid := range p.Pids() {
		if bytes.Equal(mustRead(t, held), fmt.Append(nil, pid)) {
			killPid(t, pid)
		}
	}
	_, err := r.Get(t.Context())
	wantWorkerError(t, err)
	if _, err := other.Get(t.Context()); err != nil {
		t.Errorf("the lock of a worker that was killed: %v", err)
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hangStarts(t *testing.T) {
	var mu sync.Mutex
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 64 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				_, _ = user.LookupId("0") // goes through the C library
				mu.Unlock()
			}
		})
	}
	defer busy.Wait()
	defer close(stop)
	processes := make([]*multiprocessing.Process, 100)
	for i := range processes {
		processes[i] = multiprocessing.NewProcess(nothing, none{}, nil)
		if err := processes[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range processes {
		if err := p.Join(t.Context()); err != nil {
			t.Error(err)
		}
		if code, err := p.ExitCode(); code != 0 || err != nil {
			t.Errorf("%v", p)
		}
		_ = p.Close()
	}
}

func hangTasksPerChild(t *testing.T) {
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 2, MaxTasksPerChild: 1})
	r := multiprocessing.MapAsync(t.Context(), p, square, make([]int, 20), &multiprocessing.AsyncOptions[[]int]{ChunkSize: 1})
	if _, err := r.Get(t.Context()); err != nil {
		t.Error(err)
	}
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
}

type ring struct{ Next *ring }

var around = multiprocessing.Register("around", func(_ context.Context, r *ring) (*ring, error) {
	if r == nil { // a result that does not encode
		r = &ring{}
		r.Next = r
	}
	return r, nil
})

func hangUnencodable(t *testing.T) {
	p := newPool(t, workers(1))
	r := &ring{}
	r.Next = r
	for _, arg := range []*ring{r, nil} {
		if _, err := multiprocessing.Apply(t.Context(), p, around, arg); !errors.Is(err, multiprocessing.ErrEncoding) {
			t.Errorf("Apply = %v", err)
		}
		if _, err := multiprocessing.Map(t.Context(), p, around, []*ring{arg, {}}, nil); !errors.Is(err, multiprocessing.ErrEncoding) {
			t.Errorf("Map = %v", err)
		}
	}
	wantWorks(t, p)
}

func hangDeadWorkers(t *testing.T) {
	p := newPool(t, workers(2))
	for range 5 {
		r := multiprocessing.MapAsync(t.Context(), p, length, make([][]byte, 200), &multiprocessing.AsyncOptions[[]int]{ChunkSize: 1})
		for _, pid := range p.Pids() {
			killPid(t, pid)
		}
		if _, err := r.Get(t.Context()); err != nil {
			wantWorkerError(t, err)
		}
	}
	wantWorks(t, p)
}

func hangHundredWorkers(t *testing.T) {
	p := newPool(t, workers(100))
	if len(p.Pids()) != 100 {
		t.Errorf("%d workers", len(p.Pids()))
	}
	got, err := multiprocessing.Map(t.Context(), p, pid, make([]struct{}, 400), &multiprocessing.MapOptions{ChunkSize: 1})
	slices.Sort(got)
	if n := len(slices.Compact(got)); n < 50 || err != nil {
		t.Errorf("%d workers worked, %v", n, err)
	}
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
}

func hangInterrupt(t *testing.T) {
	p := newPool(t, workers(1))
	started := t.TempDir() + "/started"
	r := multiprocessing.ApplyAsync(t.Context(), p, untilCancelled, started, nil)
	awaitFile(t, started)
	interrupt, err := os.FindProcess(p.Pids()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer interrupt.Release()
	for range 3 {
		if err := interrupt.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	// What an interrupt means is the parent's to decide.
	r.Cancel(errOdd)
	if _, err := r.Get(t.Context()); !errors.Is(err, errOdd) {
		t.Errorf("Get = %v", err)
	}
	wantWorks(t, p)
}

var (
	ownPool  = multiprocessing.Register("ownPool", sumInOwnPool)
	fullPool *multiprocessing.ThreadPool
	inFull   = multiprocessing.Register("inFull", func(ctx context.Context, depth int) (int, error) {
		if depth == 0 {
			return 1, nil
		}
		n, err := multiprocessing.Apply(ctx, fullPool, square, depth)
		return n + 1, err
	})
)

// sumInOwnPool runs in a worker, and uses workers of its own.
func sumInOwnPool(ctx context.Context, n int) (int, error) {
	p, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 2})
	if err != nil {
		return 0, err
	}
	defer p.Terminate()
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	squares, err := multiprocessing.Map(ctx, p, square, in, nil)
	sum := 0
	for _, s := range squares {
		sum += s
	}
	return sum, err
}

func hangNested(t *testing.T) {
	fullPool = multiprocessing.NewThreadPool(&multiprocessing.ThreadPoolOptions{Workers: 1})
	defer fullPool.Terminate()
	if v, err := multiprocessing.Map(t.Context(), fullPool, inFull, []int{0, 1, 2, 3}, nil); err != nil || !slices.Equal(v, []int{1, 2, 5, 10}) {
		t.Errorf("Map = %v, %v", v, err)
	}
	p := newPool(t, workers(1))
	if v, err := multiprocessing.Apply(t.Context(), p, ownPool, 4); v != 14 || err != nil {
		t.Errorf("pool in a worker: %v, %v", v, err)
	}
}

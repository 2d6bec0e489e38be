package multiprocessing_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

type conformance struct {
	name string
	run  func(t *testing.T, ex multiprocessing.Executor)
}

// core is what every executor does; it has two workers.
var core = []conformance{
	{"Apply", conformApply},
	{"Map", conformMap},
	{"MapDoesNotFailFast", conformMapDoesNotFailFast},
	{"PanicIsRemoteError", conformPanicIsRemoteError},
	{"Timeout", conformTimeout},
	{"CancelPendingAndRunning", conformCancelPendingAndRunning},
	{"CtxEndsTheWork", conformCtxEndsTheWork},
	{"GetEndsOnlyTheWait", conformGetEndsOnlyTheWait},
	{"CloseFinishesWhatItTook", conformCloseFinishesWhatItTook},
	{"TerminateFailsWhatIsOpen", conformTerminateFailsWhatIsOpen},
	{"CallbackReturnsBeforeWait", conformCallbackReturnsBeforeWait},
	{"MapCallbackGetsTheWholeSliceOnce", conformMapCallbackGetsTheWholeSliceOnce},
	{"ErrorCallback", conformErrorCallback},
	{"CallbacksErrorAndPanicAreTheTasks", conformCallbacksErrorAndPanicAreTheTasks},
	{"CallbacksDoNotOverlap", conformCallbacksDoNotOverlap},
	{"WaitingInACallbackIsAnError", conformWaitingInACallbackIsAnError},
	{"IMapIsLazyAndInOrder", conformIMapIsLazyAndInOrder},
	{"IMapEndsAndYieldsErrorsInTheirPlace", conformIMapEndsAndYieldsErrorsInTheirPlace},
	{"IMapUnordered", conformIMapUnordered},
	{"IMapEndsWithItsCtx", conformIMapEndsWithItsCtx},
	{"Retries", conformRetries},
}

// isolation is what executors do that declare it.
var isolation = []conformance{
	{"DeathFailsOneTask", conformDeathFailsOneTask},
	{"LoopIsKilled", conformLoopIsKilled},
}

// executors are what the suite runs on.
var executors = []struct {
	name     string
	isolated bool
	open     func(t *testing.T) multiprocessing.Executor
}{
	{"Pool", true, func(t *testing.T) multiprocessing.Executor {
		return newPool(t, &multiprocessing.PoolOptions{Workers: 2, Grace: 100 * time.Millisecond})
	}},
	{"ThreadPool", false, func(t *testing.T) multiprocessing.Executor {
		p := multiprocessing.NewThreadPool(&multiprocessing.ThreadPoolOptions{Workers: 2})
		t.Cleanup(p.Terminate)
		return p
	}},
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, e := range executors {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			suite := core
			if e.isolated {
				suite = slices.Concat(core, isolation)
			}
			for _, c := range suite {
				t.Run(c.name, func(t *testing.T) { c.run(t, e.open(t)) })
			}
		})
	}
}

var goexit = multiprocessing.Register("goexit", func(context.Context, struct{}) (int, error) {
	runtime.Goexit()
	return 0, nil
})

func conformApply(t *testing.T, ex multiprocessing.Executor) {
	for i := range 50 {
		if got, err := multiprocessing.Apply(t.Context(), ex, square, i); got != i*i || err != nil {
			t.Fatalf("square(%d) = %d, %v", i, got, err)
		}
	}
	if got, err := multiprocessing.Apply(t.Context(), ex, add, multiprocessing.Of2(1, 2)); got != 3 || err != nil {
		t.Errorf("add(1, 2) = %d, %v", got, err)
	}
}

func conformMap(t *testing.T, ex multiprocessing.Executor) {
	in := make([]int, 100)
	want := make([]int, len(in))
	for i := range in {
		in[i], want[i] = i, i*i
	}
	for _, chunk := range []int{0, 1, 7, 100, 1000} {
		var last int
		got, err := multiprocessing.Map(t.Context(), ex, square, in, &multiprocessing.MapOptions{
			ChunkSize: chunk,
			Progress:  func(done, total int) { last = done },
		})
		if err != nil || !slices.Equal(got, want) || last != len(in) {
			t.Errorf("chunk size %d: %v, %v, progress %d", chunk, got, err, last)
		}
	}
	if got, err := multiprocessing.Map(t.Context(), ex, square, nil, nil); len(got) != 0 || err != nil {
		t.Errorf("Map of nothing = %v, %v", got, err)
	}
}

// All chunks run although one fails, and the error is the first in order.
func conformMapDoesNotFailFast(t *testing.T, ex multiprocessing.Executor) {
	done := 0
	got, err := multiprocessing.Map(t.Context(), ex, halve, []int{0, 2, 3, 4, 5, 6}, &multiprocessing.MapOptions{
		ChunkSize: 1, Progress: func(n, _ int) { done = n },
	})
	remote, ok := errors.AsType[*multiprocessing.RemoteError](err)
	if !ok || remote.Item != 2 || got != nil || done != 6 {
		t.Errorf("Map = %v, %v, %d done", got, err, done)
	}
}

func conformPanicIsRemoteError(t *testing.T, ex multiprocessing.Executor) {
	_, err := multiprocessing.Apply(t.Context(), ex, halve, -1)
	remote, ok := errors.AsType[*multiprocessing.RemoteError](err)
	if !ok || !remote.Panic || remote.Message != "below zero" || !strings.Contains(remote.Stack, "pool_test.go") {
		t.Errorf("Apply = %#v", err)
	}
	_, err = multiprocessing.Apply(t.Context(), ex, goexit, struct{}{})
	if remote, ok = errors.AsType[*multiprocessing.RemoteError](err); !ok || !remote.Panic {
		t.Errorf("Goexit: %#v", err)
	}
}

func conformTimeout(t *testing.T, ex multiprocessing.Executor) {
	r := multiprocessing.ApplyAsync(t.Context(), ex, untilCancelled, "", &multiprocessing.AsyncOptions[string]{Timeout: 20 * time.Millisecond})
	if _, err := r.Get(t.Context()); !errors.Is(err, multiprocessing.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get = %v", err)
	}
}

func conformCancelPendingAndRunning(t *testing.T, ex multiprocessing.Executor) {
	var results []*multiprocessing.AsyncResult[string]
	for range 20 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), ex, untilCancelled, "", nil))
	}
	why := errors.New("why")
	for _, r := range results {
		r.Cancel(why)
		if _, err := r.Get(t.Context()); !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("Get = %v", err)
		}
	}
	if v, err := multiprocessing.Apply(t.Context(), ex, square, 3); v != 9 || err != nil {
		t.Errorf("after it: %v, %v", v, err)
	}
}

func conformCtxEndsTheWork(t *testing.T, ex multiprocessing.Executor) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := multiprocessing.Apply(ctx, ex, untilCancelled, ""); !errors.Is(err, multiprocessing.ErrTimeout) {
		t.Errorf("Apply = %v", err)
	}
	if _, err := multiprocessing.Map(ctx, ex, untilCancelled, make([]string, 5), nil); !errors.Is(err, multiprocessing.ErrTimeout) {
		t.Errorf("Map = %v", err)
	}
}

func conformGetEndsOnlyTheWait(t *testing.T, ex multiprocessing.Executor) {
	r := multiprocessing.ApplyAsync(t.Context(), ex, untilCancelled, "", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := r.Get(ctx)
	if !errors.Is(err, multiprocessing.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || r.Ready() {
		t.Errorf("Get = %v, ready %v", err, r.Ready())
	}
	r.Cancel(nil)
}

type lifecycle interface {
	multiprocessing.Executor
	Close()
	Terminate()
	Join(context.Context) error
}

func conformCloseFinishesWhatItTook(t *testing.T, ex multiprocessing.Executor) {
	p := ex.(lifecycle)
	if err := p.Join(t.Context()); !errors.Is(err, multiprocessing.ErrPoolRunning) {
		t.Errorf("Join = %v", err)
	}
	r := multiprocessing.MapAsync(t.Context(), p, square, make([]int, 100), &multiprocessing.AsyncOptions[[]int]{ChunkSize: 1})
	p.Close()
	p.Close()
	if _, err := multiprocessing.Apply(t.Context(), p, square, 1); !errors.Is(err, multiprocessing.ErrPoolClosed) {
		t.Errorf("Apply after Close = %v", err)
	}
	if err := p.Join(t.Context()); err != nil || !r.Ready() {
		t.Errorf("Join = %v, ready %v", err, r.Ready())
	}
}

func conformTerminateFailsWhatIsOpen(t *testing.T, ex multiprocessing.Executor) {
	p := ex.(lifecycle)
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

func conformDeathFailsOneTask(t *testing.T, ex multiprocessing.Executor) {
	dies := multiprocessing.ApplyAsync(t.Context(), ex, kill, int(syscall.SIGKILL), nil)
	others := multiprocessing.MapAsync(t.Context(), ex, square, make([]int, 50), &multiprocessing.AsyncOptions[[]int]{ChunkSize: 1})
	_, err := dies.Get(t.Context())
	if death, ok := errors.AsType[*multiprocessing.WorkerError](err); !ok || death.Signal != syscall.SIGKILL {
		t.Errorf("Get = %v", err)
	}
	if _, err := others.Get(t.Context()); err != nil {
		t.Errorf("the others: %v", err)
	}
}

func conformLoopIsKilled(t *testing.T, ex multiprocessing.Executor) {
	for range 2 {
		r := multiprocessing.ApplyAsync(t.Context(), ex, spin, "", &multiprocessing.AsyncOptions[int]{Timeout: 20 * time.Millisecond})
		if _, err := r.Get(t.Context()); !errors.Is(err, multiprocessing.ErrTimeout) {
			t.Errorf("Get = %v", err)
		}
	}
	// Both workers looped; they were replaced.
	if _, err := multiprocessing.Map(t.Context(), ex, square, make([]int, 20), nil); err != nil {
		t.Error(err)
	}
}

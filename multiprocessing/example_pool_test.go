package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// Functions that workers run are registered at package level.
var (
	double = multiprocessing.Register("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	times  = multiprocessing.Register2("times", func(_ context.Context, s string, n int) (string, error) { return strings.Repeat(s, n), nil })
	clamp  = multiprocessing.Register3("clamp", func(_ context.Context, n, low, high int) (int, error) { return max(low, min(high, n)), nil })
	broken = multiprocessing.Register("broken", func(_ context.Context, code int) (int, error) {
		if code == 0 {
			return 0, ErrEmpty
		}
		os.Exit(code)
		return 0, nil
	})
	ErrEmpty = multiprocessing.RegisterError("empty", errors.New("nothing there"))
)

// exampleContext is what a program has from its caller.
var exampleContext = context.Background()

// startPool returns a pool of two workers.
func startPool() *multiprocessing.Pool {
	pool, err := multiprocessing.NewPool(exampleContext, &multiprocessing.PoolOptions{Workers: 2})
	if err != nil {
		panic(err)
	}
	return pool
}

func ExamplePool() {
	pool, err := multiprocessing.NewPool(exampleContext, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Terminate()

	doubled, err := multiprocessing.Map(exampleContext, pool, double, []int{1, 2, 3}, nil)
	fmt.Println(doubled, err)

	pool.Close()
	fmt.Println(pool.Join(exampleContext))
	// Output:
	// [2 4 6] <nil>
	// <nil>
}

func ExamplePoolOptions() {
	pool, err := multiprocessing.NewPool(exampleContext, &multiprocessing.PoolOptions{
		Workers:          4,
		MinWorkers:       1, // more while tasks wait
		MaxTasksPerChild: 100,
		MemoryLimit:      1 << 30,
		TaskTimeout:      time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Terminate()
	fmt.Println(multiprocessing.Apply(exampleContext, pool, double, 21))
	// Output: 42 <nil>
}

func ExampleThreadPool() {
	pool := multiprocessing.NewThreadPool(&multiprocessing.ThreadPoolOptions{Workers: 2})
	defer pool.Terminate()
	fmt.Println(multiprocessing.Apply(exampleContext, pool, double, 21))
	// Output: 42 <nil>
}

func ExampleThreadPoolOptions() {
	pool := multiprocessing.NewThreadPool(&multiprocessing.ThreadPoolOptions{Workers: 8})
	defer pool.Terminate()
	fmt.Println(pool.Workers())
	// Output: 8
}

func ExampleAsyncResult() {
	pool := startPool()
	defer pool.Terminate()

	result := multiprocessing.ApplyAsync(exampleContext, pool, double, 21, nil)

	limited, cancel := context.WithTimeout(exampleContext, time.Minute)
	defer cancel()
	n, err := result.Get(limited) // the limit ends the wait, not the work
	fmt.Println(n, err)
	fmt.Println(result.Successful())
	// Output:
	// 42 <nil>
	// true <nil>
}

func ExampleAsyncOptions() {
	pool := startPool()
	defer pool.Terminate()

	var got int
	result := multiprocessing.ApplyAsync(exampleContext, pool, double, 21, &multiprocessing.AsyncOptions[int]{
		Callback: func(n int) error { got = n; return nil },
		Timeout:  time.Minute, // of the run, not of the wait
	})
	result.Wait(exampleContext)
	fmt.Println(got) // the callback has returned
	// Output: 42
}

func ExampleMapOptions() {
	pool := startPool()
	defer pool.Terminate()
	var last int
	_, err := multiprocessing.Map(exampleContext, pool, double, make([]int, 100), &multiprocessing.MapOptions{
		ChunkSize: 10,
		Progress:  func(done, total int) { last = done },
	})
	fmt.Println(last, err)
	// Output: 100 <nil>
}

func ExampleIMapOptions() {
	pool := startPool()
	defer pool.Terminate()
	endless := func(yield func(int) bool) {
		for n := 0; yield(n); n++ {
		}
	}
	for n, err := range multiprocessing.IMap(exampleContext, pool, double, endless, &multiprocessing.IMapOptions{Window: 8}) {
		if n == 6 || err != nil {
			break // what is under way is cancelled
		}
		fmt.Println(n)
	}
	// Output:
	// 0
	// 2
	// 4
}

func ExampleFunc() {
	fmt.Println(double.Name())
	// Output: github.com/quartet-go/quartet/multiprocessing_test.double
}

func ExampleArgs2() {
	pool := startPool()
	defer pool.Terminate()
	words, err := multiprocessing.Starmap(exampleContext, pool, times,
		[]multiprocessing.Args2[string, int]{{A: "a", B: 3}, {A: "b", B: 2}}, nil)
	fmt.Println(words, err)
	// Output: [aaa bb] <nil>
}

func ExampleArgs3() {
	pool := startPool()
	defer pool.Terminate()
	fmt.Println(multiprocessing.Apply(exampleContext, pool, clamp, multiprocessing.Of3(15, 0, 10)))
	// Output: 10 <nil>
}

func ExampleArgs() {
	// Args is the constraint of Starmap: values made by Of2 and Of3.
	sum := func(in ...multiprocessing.Args) int { return len(in) }
	fmt.Println(sum(multiprocessing.Of2(1, 2), multiprocessing.Of3("a", "b", "c")))
	// Output: 2
}

func ExampleRemoteError() {
	pool := startPool()
	defer pool.Terminate()
	_, err := multiprocessing.Apply(exampleContext, pool, broken, 0)
	if remote, ok := errors.AsType[*multiprocessing.RemoteError](err); ok {
		fmt.Println(remote.Message, errors.Is(err, ErrEmpty), remote.Pid != os.Getpid())
	}
	// Output: nothing there true true
}

func ExampleWorkerError() {
	pool := startPool()
	defer pool.Terminate()
	_, err := multiprocessing.Apply(exampleContext, pool, broken, 3)
	if death, ok := errors.AsType[*multiprocessing.WorkerError](err); ok {
		fmt.Println("exit code", death.ExitCode)
	}
	// Output: exit code 3
}

var counter = multiprocessing.RegisterState("counter",
	func(_ context.Context, start int) (*int, error) { return &start, nil }, nil)

var count = multiprocessing.Register("count", func(_ context.Context, by int) (int, error) {
	n := counter.Value()
	*n += by
	return *n, nil
})

func ExampleState() {
	pool, err := multiprocessing.NewPool(exampleContext, &multiprocessing.PoolOptions{
		Workers:     1,
		Initializer: counter.With(100),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Terminate()
	for range 3 {
		fmt.Println(multiprocessing.Apply(exampleContext, pool, count, 1))
	}
	// Output:
	// 101 <nil>
	// 102 <nil>
	// 103 <nil>
}

func ExampleCall() {
	var initializer multiprocessing.Call = double.With(21)
	pool, err := multiprocessing.NewPool(exampleContext, &multiprocessing.PoolOptions{Workers: 1, Initializer: initializer})
	if err == nil {
		pool.Terminate()
	}
	fmt.Println(err)
	// Output: <nil>
}

func ExampleBuffer() {
	pool := startPool()
	defer pool.Terminate()
	b, err := multiprocessing.NewBuffer(1 << 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Release()
	b.Bytes()[0] = 41
	_, err = multiprocessing.Apply(exampleContext, pool, incrementAll, b) // in the same memory
	fmt.Println(b.Bytes()[0], err)
	// Output: 42 <nil>
}

func ExamplePoolStats() {
	pool := startPool()
	defer pool.Terminate()
	_, _ = multiprocessing.Map(exampleContext, pool, double, make([]int, 10), &multiprocessing.MapOptions{ChunkSize: 1})
	s := pool.Stats()
	fmt.Println(len(s.Workers), s.Submitted, s.Returned, s.Died)
	// Output: 2 10 10 0
}

func ExampleWorkerStats() {
	pool := startPool()
	defer pool.Terminate()
	var ids []int
	for _, w := range pool.Stats().Workers {
		ids = append(ids, w.ID)
	}
	slices.Sort(ids)
	fmt.Println(ids)
	// Output: [1 2]
}

// inline is the smallest executor: it runs each task at once, where it is given.
type inline struct{ callbacks multiprocessing.Callbacks }

func (*inline) Submit(t *multiprocessing.Task)          { t.RunHere(exampleContext) }
func (*inline) Withdraw(*multiprocessing.Task)          {}
func (*inline) Workers() int                            { return 1 }
func (e *inline) Callbacks() *multiprocessing.Callbacks { return &e.callbacks }

func ExampleExecutor() {
	var ex multiprocessing.Executor = &inline{}
	fmt.Println(multiprocessing.Map(exampleContext, ex, double, []int{1, 2, 3}, nil))
	// Output: [2 4 6] <nil>
}

// remote is an executor that has encoded arguments and results only, as one on
// other machines has.
type remote struct{ inline }

func (r *remote) Submit(t *multiprocessing.Task) {
	if _, arg, err := t.Encode(); err != nil {
		t.Fail(err)
	} else {
		fmt.Println(t.Function(), "with", len(arg), "bytes")
		r.inline.Submit(t)
	}
}

func ExampleTask() {
	fmt.Println(multiprocessing.Apply(exampleContext, &remote{}, double, 1))
	// Output:
	// github.com/quartet-go/quartet/multiprocessing_test.double with 9 bytes
	// 2 <nil>
}

func ExampleCallbacks() {
	// An executor of one's own only has to have one; its zero value is ready.
	ex := &inline{}
	r := multiprocessing.ApplyAsync(exampleContext, ex, double, 1, &multiprocessing.AsyncOptions[int]{
		Callback: func(n int) error { fmt.Println("callback:", n); return nil },
	})
	r.Wait(exampleContext)
	// Output: callback: 2
}

// Tasktimeout stops tasks that run too long: one that heeds its context, and one
// that loops for ever, which takes its worker with it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var (
	polite = multiprocessing.Register("polite", func(ctx context.Context, n int) (int, error) {
		<-ctx.Done()
		return n, context.Cause(ctx)
	})
	stubborn = multiprocessing.Register("stubborn", func(_ context.Context, n int) (int, error) {
		for {
			n++
		}
	})
	pid = multiprocessing.Register("pid", func(context.Context, struct{}) (int, error) { return os.Getpid(), nil })
)

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 1, Grace: 100 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	for _, f := range []multiprocessing.Func[int, int]{polite, stubborn} {
		before, _ := multiprocessing.Apply(ctx, pool, pid, struct{}{})
		result := multiprocessing.ApplyAsync(ctx, pool, f, 1, &multiprocessing.AsyncOptions[int]{
			Timeout: 50 * time.Millisecond, // from the start of its execution
		})
		_, err := result.Get(ctx)
		after, _ := multiprocessing.Apply(ctx, pool, pid, struct{}{})
		fmt.Printf("%v: timeout %v, the same worker goes on: %v\n", f, errors.Is(err, multiprocessing.ErrTimeout), before == after)
	}
	return 0
}

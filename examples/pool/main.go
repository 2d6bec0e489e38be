// Pool maps a function over numbers in four worker processes, then loses one of
// them in the middle of a task.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/quartet-go/quartet/multiprocessing"
)

var (
	square = multiprocessing.Register("square", func(_ context.Context, n int) (int, error) { return n * n, nil })
	crash  = multiprocessing.Register("crash", func(_ context.Context, code int) (int, error) {
		os.Exit(code)
		return 0, nil
	})
)

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 4})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	squares, err := multiprocessing.Map(ctx, pool, square, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, nil)
	fmt.Println(squares, err)

	_, err = multiprocessing.Apply(ctx, pool, crash, 3)
	if death, ok := errors.AsType[*multiprocessing.WorkerError](err); ok {
		fmt.Println("a worker died with exit code", death.ExitCode)
	}

	n, err := multiprocessing.Apply(ctx, pool, square, 11)
	fmt.Println(n, err)

	pool.Close()
	fmt.Println("joined:", pool.Join(ctx))
	return 0
}

// Warmstart keeps a stock of processes that have started already, and takes the
// workers of a pool, and one process, out of it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/quartet-go/quartet/multiprocessing"
)

var square = multiprocessing.Register("square", func(_ context.Context, n int) (int, error) { return n * n, nil })

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	warm, err := multiprocessing.NewWarm(3, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer warm.Close()

	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 2, Start: warm})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()
	fmt.Println(multiprocessing.Map(ctx, pool, square, []int{1, 2, 3}, nil))

	p := multiprocessing.NewProcess(square, 4, &multiprocessing.ProcessOptions{Start: warm})
	if err := p.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := p.Join(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(p.ExitCode())
	return 0
}

// Starmap calls a function of two arguments with each pair of a slice.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/quartet-go/quartet/multiprocessing"
)

var add = multiprocessing.Register2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 2})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	pairs := []multiprocessing.Args2[int, int]{{A: 1, B: 2}, {A: 3, B: 4}}
	sums, err := multiprocessing.Starmap(ctx, pool, add, pairs, nil)
	fmt.Println(sums, err)

	result := multiprocessing.StarmapAsync(ctx, pool, add, pairs, &multiprocessing.AsyncOptions[[]int]{
		ChunkSize: 1,
		Callback:  func(sums []int) error { fmt.Println("callback:", sums); return nil },
	})
	fmt.Println("ready:", result.Wait(ctx))
	return 0
}

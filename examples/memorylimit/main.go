// Memorylimit lets each worker use 256 MiB, and survives a task that wants more.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/quartet-go/quartet/multiprocessing"
)

// fill uses so many MiB of memory, and returns how many.
var fill = multiprocessing.Register("fill", func(_ context.Context, mib int) (int, error) {
	var all [][]byte
	for range mib {
		page := make([]byte, 1<<20)
		for i := range page {
			page[i] = 1
		}
		all = append(all, page)
	}
	return len(all), nil
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{
		Workers:     2,
		MemoryLimit: 256 << 20,
		Output:      slog.New(slog.DiscardHandler), // not the dying worker's stack
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	for _, mib := range []int{16, 4096, 32} {
		n, err := multiprocessing.Apply(ctx, pool, fill, mib)
		fmt.Println(mib, "MiB:", n, "out of memory:", errors.Is(err, multiprocessing.ErrMemory))
	}
	return 0
}

// Asyncresult asks for a result that takes longer than the caller will wait.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var slowly = multiprocessing.Register("slowly", func(_ context.Context, n int) (int, error) {
	time.Sleep(time.Second)
	return 2 * n, nil
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	result := multiprocessing.ApplyAsync(ctx, pool, slowly, 21, nil)
	fmt.Println("ready:", result.Ready())

	limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = result.Get(limited)
	fmt.Println("timeout:", errors.Is(err, multiprocessing.ErrTimeout))
	fmt.Println("ready within the limit:", result.Wait(limited))

	// The task runs on: only the wait was limited.
	n, err := result.Get(ctx)
	fmt.Println(n, err)
	ok, err := result.Successful()
	fmt.Println("successful:", ok, err)
	return 0
}

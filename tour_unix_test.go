//go:build unix

package quartet_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var forever = multiprocessing.Register("forever", func(context.Context, int) (int, error) { select {} })

func Example_multiprocessing() {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{
		Workers:     2,
		TaskTimeout: 200 * time.Millisecond,
		TaskMemory:  512 << 20, // of the worker and all it has started
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Terminate()

	squares, err := multiprocessing.Map(ctx, pool, square, []int{1, 2, 3}, nil)
	fmt.Println(squares, err)

	_, err = multiprocessing.Apply(ctx, pool, forever, 0) // does not end, and does not look at its ctx
	fmt.Println(errors.Is(err, multiprocessing.ErrTimeout))
	// Output:
	// [1 4 9] <nil>
	// true
}

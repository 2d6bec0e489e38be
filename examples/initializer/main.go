// Initializer opens a table once in each worker process, which the tasks then use,
// and replaces each worker after two tasks.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/quartet-go/quartet/multiprocessing"
)

// prices belongs to the worker that it is in.
var prices map[string]int

var (
	open = multiprocessing.Register("open", func(_ context.Context, factor int) (struct{}, error) {
		prices = map[string]int{"apple": 3 * factor, "pear": 4 * factor}
		return struct{}{}, nil
	})
	price = multiprocessing.Register("price", func(_ context.Context, item string) (int, error) {
		p, ok := prices[item]
		if !ok {
			return 0, fmt.Errorf("no price for %q", item)
		}
		return p, nil
	})
)

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{
		Workers:          2,
		Initializer:      open.With(100),
		MaxTasksPerChild: 2,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	all, err := multiprocessing.Map(ctx, pool, price, []string{"apple", "pear", "apple", "pear", "apple"},
		&multiprocessing.MapOptions{ChunkSize: 1})
	fmt.Println(all, err)
	fmt.Println("in the parent:", len(prices))
	_, err = multiprocessing.Apply(ctx, pool, price, "plum")
	fmt.Println(err)
	return 0
}

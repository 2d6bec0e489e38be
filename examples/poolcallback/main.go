// Poolcallback has a callback extend a list with the result of each task.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/quartet-go/quartet/multiprocessing"
)

// myfunc returns the numbers below n.
var myfunc = multiprocessing.Register("myfunc", func(_ context.Context, n int) ([]int, error) {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers, nil
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	var list []int
	mycallback := func(numbers []int) error {
		fmt.Println("mycallback is called with", numbers)
		list = append(list, numbers...)
		return nil
	}
	var results []*multiprocessing.AsyncResult[[]int]
	for _, n := range []int{1, 2} {
		results = append(results, multiprocessing.ApplyAsync(ctx, pool, myfunc, n,
			&multiprocessing.AsyncOptions[[]int]{Callback: mycallback}))
	}
	var values [][]int
	for _, r := range results {
		r.Wait(ctx)
		v, err := r.Get(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		values = append(values, v)
	}
	fmt.Println(values)
	// The callbacks have returned, so the list may be read without a lock.
	slices.Sort(list)
	fmt.Println(list)
	return 0
}

// Imap works on a stream that never ends, reading it only as far ahead as the
// workers can use.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/quartet-go/quartet/multiprocessing"
)

// isPrime reports whether n is prime.
var isPrime = multiprocessing.Register("isPrime", func(_ context.Context, n int) (bool, error) {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false, nil
		}
	}
	return n > 1, nil
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 2})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	read := 0
	naturals := func(yield func(int) bool) {
		for n := 0; yield(n); n++ {
			read++
		}
	}
	n := 0
	var primes []int
	for prime, err := range multiprocessing.IMap(ctx, pool, isPrime, naturals, &multiprocessing.IMapOptions{Window: 10}) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if prime {
			primes = append(primes, n)
		}
		if n++; len(primes) == 10 {
			break // what is under way is cancelled
		}
	}
	fmt.Println(primes)
	fmt.Println("read at most 10 ahead:", read <= n+10)
	return 0
}

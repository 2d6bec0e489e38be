// Timeout bounds what a task does, and moves the bound when there is progress.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func run(ctx context.Context) (struct{}, error) {
	// A body that takes too long.
	err := asyncio.WithTimeout(ctx, 10*time.Millisecond, func(ctx context.Context, _ *asyncio.Timeout) error {
		return asyncio.Sleep(ctx, time.Minute)
	})
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))

	// Each piece of progress gives it more time.
	err = asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context, t *asyncio.Timeout) error {
		for i := range 3 {
			if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
			fmt.Println("piece", i)
			if err := t.Reschedule(time.Second); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Println("all pieces:", err)

	// One awaitable. It is cancelled, and cleans up before WaitFor returns.
	slow := asyncio.Coro0(func(ctx context.Context) (string, error) {
		defer fmt.Println("cleaned up")
		return "too late", asyncio.Sleep(ctx, time.Minute)
	})
	s, err := asyncio.WaitFor(ctx, 10*time.Millisecond, slow)
	fmt.Printf("%q %v\n", s, err)

	// Shield: the work goes on when its waiter gives up.
	work := asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 42, asyncio.Sleep(ctx, 50*time.Millisecond) })
	err = asyncio.WithTimeout(ctx, time.Millisecond, func(ctx context.Context, _ *asyncio.Timeout) error {
		_, err := asyncio.Await(ctx, work)
		return err
	})
	fmt.Println(err, "done:", work.Done())
	n, err := asyncio.Await(ctx, work)
	fmt.Println(n, err)
	return struct{}{}, nil
}

func main() {
	if _, err := asyncio.Run(context.Background(), run, nil); err != nil {
		fmt.Println(err)
	}
}

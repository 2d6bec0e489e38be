// Virtualclock tests a function that retries for hours, in no time: the clock of
// the loop jumps to the next deadline when all tasks wait. In a test of yours,
// asynciotest.Run does this for you.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// retry calls f until it succeeds, waiting twice as long each time.
func retry(ctx context.Context, f func() error) error {
	for wait := time.Minute; ; wait *= 2 {
		err := f()
		if err == nil {
			return nil
		}
		if err := asyncio.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func main() {
	clock := asyncio.NewVirtualClock()
	opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: clock}}
	start := time.Now()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		asyncio.Go(ctx, func(ctx context.Context) (struct{}, error) {
			for asyncio.Sleep(ctx, 6*time.Hour) == nil {
				fmt.Println("heartbeat at", clock.Now())
			}
			return struct{}{}, nil
		})
		attempts := 0
		err := retry(ctx, func() error {
			attempts++
			fmt.Println("attempt", attempts, "at", clock.Now())
			if attempts < 10 {
				return errors.New("not yet")
			}
			return nil
		})
		fmt.Println("succeeded:", err == nil, "after", clock.Now())

		_, err = asyncio.WaitFor(ctx, 24*time.Hour, asyncio.Coro0(func(ctx context.Context) (struct{}, error) {
			return struct{}{}, retry(ctx, func() error { return errors.New("never") })
		}))
		fmt.Println(err, "at", clock.Now())
		return struct{}{}, nil
	}, opts)
	fmt.Println(err, "took less than ten seconds:", time.Since(start) < 10*time.Second)
}

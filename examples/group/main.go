// Group runs tasks that belong together: the first that fails ends the others,
// and nothing is left when WithGroup returns.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func download(ctx context.Context, name string, d time.Duration) (int, error) {
	if err := asyncio.Sleep(ctx, d); err != nil {
		fmt.Println(name, "gave up")
		return 0, err
	}
	if name == "broken" {
		return 0, errors.New("connection reset")
	}
	fmt.Println(name, "done")
	return len(name), nil
}

func run(ctx context.Context) (struct{}, error) {
	// All succeed: results are in the tasks.
	var a, b *asyncio.Task[int]
	err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
		a = asyncio.Start(g, func(ctx context.Context) (int, error) { return download(ctx, "one", 200*time.Millisecond) })
		b = asyncio.Start(g, func(ctx context.Context) (int, error) { return download(ctx, "three", 10*time.Millisecond) })
		return nil
	})
	x, _ := a.Result()
	y, _ := b.Result()
	fmt.Println("sizes", x, y, err)

	// One fails: the other is cancelled and awaited.
	err = asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
		asyncio.Start(g, func(ctx context.Context) (int, error) { return download(ctx, "slow", time.Minute) })
		asyncio.Start(g, func(ctx context.Context) (int, error) { return download(ctx, "broken", time.Millisecond) }).SetName("broken")
		return nil
	})
	fmt.Println(err)

	// At most two at a time.
	running, most := 0, 0
	err = asyncio.WithGroup(ctx, &asyncio.GroupOptions{Limit: 2}, func(ctx context.Context, g *asyncio.TaskGroup) error {
		for range 6 {
			asyncio.Start(g, func(ctx context.Context) (int, error) {
				running++ // no lock: tasks of one loop take turns
				defer func() { running-- }()
				most = max(most, running)
				return 0, asyncio.Sleep(ctx, time.Millisecond)
			})
		}
		return nil
	})
	fmt.Println("at most", most, "at a time", err)
	return struct{}{}, nil
}

func main() {
	if _, err := asyncio.Run(context.Background(), run, nil); err != nil {
		fmt.Println(err)
	}
}

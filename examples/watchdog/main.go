// Watchdog shows what the log says while a task blocks its loop, and when tasks
// wait for one another.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// readSensor blocks, as calls do that do not know of loops.
func readSensor() int {
	time.Sleep(500 * time.Millisecond)
	return 7
}

func run(ctx context.Context) (struct{}, error) {
	asyncio.CurrentTask().SetName("main")
	reader := asyncio.Go(ctx, func(context.Context) (int, error) { return readSensor(), nil })
	reader.SetName("reader")
	n, err := asyncio.Await(ctx, reader)
	fmt.Println("read", n, err)

	// The same off the loop: nothing to say.
	n, err = asyncio.ToThread(ctx, func(context.Context) (int, error) { return readSensor(), nil })
	fmt.Println("read", n, err)

	// Two tasks that take two locks in different order.
	var in, out asyncio.Lock
	move := func(first, second *asyncio.Lock) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			if err := first.Acquire(ctx); err != nil {
				return 0, err
			}
			defer first.Release()
			asyncio.Sleep(ctx, time.Millisecond)
			if err := second.Acquire(ctx); err != nil {
				return 0, err
			}
			defer second.Release()
			return 0, nil
		}
	}
	forth, back := asyncio.Go(ctx, move(&in, &out)), asyncio.Go(ctx, move(&out, &in))
	forth.SetName("forth")
	back.SetName("back")
	_, err = asyncio.Gather(ctx, forth, back)
	dead, ok := errors.AsType[*asyncio.DeadlockError](err)
	if !ok {
		return struct{}{}, err
	}
	fmt.Print(dead.Graph)
	return struct{}{}, nil
}

func main() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "stack" || a.Key == "graph" {
				return slog.Attr{} // what differs from run to run, and what is printed below
			}
			return a
		},
	}))
	opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Logger: log, Watchdog: 150 * time.Millisecond}}
	if _, err := asyncio.Run(context.Background(), run, opts); err != nil {
		fmt.Println(err)
	}
}

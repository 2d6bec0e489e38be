// Queueworkers has three workers take jobs from a bounded queue. The producer
// waits while it is full; the workers end when it is shut down and empty.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

type job struct {
	name string
	cost time.Duration
}

func work(ctx context.Context, q *asyncio.Queue[job], done map[string]int) (int, error) {
	n := 0
	for j, err := range q.All(ctx) {
		if err != nil {
			return n, err
		}
		if err := asyncio.Sleep(ctx, j.cost); err != nil {
			return n, err
		}
		done[j.name]++ // no lock: tasks of one loop take turns
		q.TaskDone()
		n++
	}
	return n, nil
}

func run(ctx context.Context) (struct{}, error) {
	q := asyncio.NewQueue[job](2)
	done := map[string]int{}
	err := asyncio.WithGroup(ctx, nil, func(ctx context.Context, g *asyncio.TaskGroup) error {
		var workers []*asyncio.Task[int]
		for range 3 {
			workers = append(workers, asyncio.Start(g, func(ctx context.Context) (int, error) {
				return work(ctx, q, done)
			}))
		}
		for i := range 12 {
			if err := q.Put(ctx, job{fmt.Sprintf("job %d", i), time.Duration(i%3+1) * time.Millisecond}); err != nil {
				return err
			}
		}
		if err := q.Join(ctx); err != nil {
			return err
		}
		fmt.Println("joined:", q)
		q.Shutdown(false)
		res, err := asyncio.Wait(ctx, workers, nil)
		fmt.Println("workers done:", len(res.Done))
		return err
	})
	if err != nil {
		return struct{}{}, err
	}
	twice := 0
	for _, n := range done {
		if n != 1 {
			twice++
		}
	}
	fmt.Println("jobs:", len(done), "not done exactly once:", twice)
	return struct{}{}, nil
}

func main() {
	if _, err := asyncio.Run(context.Background(), run, nil); err != nil {
		fmt.Println(err)
	}
}

package multiprocessing_test

import (
	"context"
	"slices"
	"testing"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/multiprocessing"
)

// TestCallbackRunsOnTheLoopOfItsTask has tasks and callbacks write one slice
// without a lock, which the race detector allows on one loop only.
func TestCallbackRunsOnTheLoopOfItsTask(t *testing.T) {
	pool, err := multiprocessing.NewPool(t.Context(), &multiprocessing.PoolOptions{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Terminate()

	var got []int
	_, err = asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		loop, err := asyncio.RunningLoop()
		if err != nil {
			return 0, err
		}
		var results []*multiprocessing.AsyncResult[int]
		for n := range 10 {
			results = append(results, multiprocessing.ApplyAsync(ctx, pool, double, n, &multiprocessing.AsyncOptions[int]{
				Callback: func(v int) error {
					if here, err := asyncio.RunningLoop(); here != loop {
						t.Errorf("callback runs on %v (%v), want the loop of the task", here, err)
					}
					got = append(got, v)
					return nil
				},
			}))
			got = append(got, -1)
		}
		for _, r := range results {
			if _, err := r.Get(ctx); err != nil {
				return 0, err
			}
		}
		return 0, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if want := []int{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestCallbackOfALoopThatStandsStill asks for a result after the run in which the
// task was submitted has ended: its callback must not wait for another run.
func TestCallbackOfALoopThatStandsStill(t *testing.T) {
	pool, err := multiprocessing.NewPool(t.Context(), &multiprocessing.PoolOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Terminate()
	loop := asyncio.NewLoop(nil)
	defer loop.Close()

	called := false
	r, err := asyncio.RunUntilComplete(t.Context(), loop, asyncio.Coro0(func(ctx context.Context) (*multiprocessing.AsyncResult[int], error) {
		return multiprocessing.ApplyAsync(context.WithoutCancel(ctx), pool, double, 21, &multiprocessing.AsyncOptions[int]{
			Callback: func(int) error { called = true; return nil },
		}), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := r.Get(t.Context()); v != 42 || err != nil || !called {
		t.Errorf("Get = %d, %v, callback called: %v", v, err, called)
	}
}

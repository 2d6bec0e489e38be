package asyncio_test

import (
	"context"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

// The lines of these functions are in tests, so they keep their places.

func reprRequest(ctx context.Context, gate *asyncio.Future[int]) (string, error) {
	if _, err := asyncio.Await(ctx, gate); err != nil {
		return "", err
	}
	return "2026-11-22 10:00:00", nil
}

func graphInner(ctx context.Context, gate *asyncio.Event) (int, error) { return 0, gate.Wait(ctx) }
func graphOuter(ctx context.Context, gate *asyncio.Event) (int, error) { return graphInner(ctx, gate) }

func lockBoth(first, second *asyncio.Lock) func(context.Context) (int, error) {
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

func blockTheLoop() { time.Sleep(250 * time.Millisecond) }

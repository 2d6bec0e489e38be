package asyncio_test

import (
	"context"

	"github.com/quartet-go/quartet/asyncio"
)

// The lines of this function are in TestTaskString.

func reprRequest(ctx context.Context, gate *asyncio.Future[int]) (string, error) {
	if _, err := asyncio.Await(ctx, gate); err != nil {
		return "", err
	}
	return "2026-11-22 10:00:00", nil
}

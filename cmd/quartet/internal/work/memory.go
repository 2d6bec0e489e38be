package work

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

const (
	// exitOverMemory is the exit code of a worker that took more memory than it may.
	exitOverMemory = 97
	// sampleEvery is how often the memory in use is looked at.
	sampleEvery = 10 * time.Millisecond
)

// Limited is the argument of a function with a limit of its memory.
type Limited[In any] struct {
	Arg In
	// MemoryBytes is what the process that runs the function and all its
	// descendants may take together, resident. Zero is no limit.
	MemoryBytes int64
}

// WithinLimit returns f with a limit: its worker ends as soon as it is seen to
// take more, and the pool ends what it has started. See [OverMemory].
func WithinLimit[In, Out any](f func(context.Context, In) (Out, error)) func(context.Context, Limited[In]) (Out, error) {
	return func(ctx context.Context, in Limited[In]) (Out, error) {
		if in.MemoryBytes > 0 {
			if _, err := residentBytes(os.Getpid()); err != nil {
				return *new(Out), fmt.Errorf("limiting memory: %w", err)
			}
			watched, stop := context.WithCancel(ctx)
			defer stop()
			go watchMemory(watched, in.MemoryBytes)
		}
		return f(ctx, in.Arg)
	}
}

// OverMemory reports whether a worker ended for taking too much memory.
func OverMemory(died *multiprocessing.WorkerError) bool {
	return died.OOM || died.ExitCode == exitOverMemory
}

func watchMemory(ctx context.Context, limit int64) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n, err := residentBytes(os.Getpid()); err == nil && n > limit {
			fmt.Fprintf(os.Stderr, "%d MiB in use, %d MiB allowed\n", n>>20, limit>>20)
			os.Exit(exitOverMemory)
		}
	}
}

// Killedworker kills a worker with kill -9 in the middle of a task: that task fails,
// and is run again where the caller said that it may be; all others go on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var (
	// work waits to be killed the first time that it runs with a file.
	work = multiprocessing.Register("work", func(ctx context.Context, file string) (string, error) {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return "done at the second try", nil
		}
		if err != nil {
			return "", err
		}
		f.Close()
		<-ctx.Done()
		return "", ctx.Err()
	})
	square = multiprocessing.Register("square", func(_ context.Context, n int) (int, error) { return n * n, nil })
)

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "killedworker")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 2})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Terminate()

	for _, retries := range []int{0, 1} {
		file := filepath.Join(dir, fmt.Sprint(retries))
		result := multiprocessing.ApplyAsync(ctx, pool, work, file, &multiprocessing.AsyncOptions[string]{Retries: retries})
		others := multiprocessing.MapAsync(ctx, pool, square, []int{1, 2, 3, 4}, nil)
		kill(pool, work.Name(), file)
		value, err := result.Get(ctx)
		if death, ok := errors.AsType[*multiprocessing.WorkerError](err); ok {
			fmt.Println("died of signal", death.Signal)
		} else {
			fmt.Println(value, err)
		}
		fmt.Println(others.Get(ctx))
	}
	return 0
}

// kill waits until the task has begun, and kills the worker that runs it.
func kill(pool *multiprocessing.Pool, function, file string) {
	for {
		for _, w := range pool.Stats().Workers {
			if _, err := os.Stat(file); err == nil && w.Running == function {
				p, _ := os.FindProcess(w.Pid)
				_ = p.Kill()
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

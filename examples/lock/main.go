// Lock lets five tasks add to a number in a file, one at a time, and gives up
// waiting for a lock that stays taken.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"path/filepath"
	"strconv"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func main() {
	if _, err := asyncio.Run(context.Background(), locks, nil); err != nil {
		log.Fatal(err)
	}
}

func locks(ctx context.Context) (none struct{}, err error) {
	dir, err := aiofiles.TempDir(ctx, nil)
	if err != nil {
		return none, err
	}
	defer dir.Close()
	counter, lock := filepath.Join(dir.Path, "counter"), filepath.Join(dir.Path, "lock")
	if err := aiofiles.WriteFile(ctx, counter, []byte("0"), 0o644); err != nil {
		return none, err
	}
	var tasks []asyncio.Awaitable[struct{}]
	for range 5 {
		tasks = append(tasks, asyncio.Go(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, increment(ctx, counter, lock)
		}))
	}
	if _, err := asyncio.Gather(ctx, tasks...); err != nil {
		return none, err
	}
	data, err := aiofiles.ReadFile(ctx, counter)
	if err != nil {
		return none, err
	}
	fmt.Printf("counted to %s\n", data)

	held, err := aiofiles.Lock(ctx, lock, nil)
	if err != nil {
		return none, err
	}
	defer held.Close()
	_, err = aiofiles.TryLock(ctx, lock, nil)
	fmt.Println("try:", errors.Is(err, aiofiles.ErrLocked))
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err = aiofiles.Lock(short, lock, nil)
	fmt.Println("wait:", errors.Is(err, context.DeadlineExceeded))
	return none, nil
}

// increment reads, adds one and writes: three calls that must not mix with others'.
func increment(ctx context.Context, counter, lock string) error {
	held, err := aiofiles.Lock(ctx, lock, nil)
	if err != nil {
		return err
	}
	defer held.Close()
	data, err := aiofiles.ReadFile(ctx, counter)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(data))
	if err != nil {
		return err
	}
	return aiofiles.WriteFile(ctx, counter, []byte(strconv.Itoa(n+1)), 0o644)
}

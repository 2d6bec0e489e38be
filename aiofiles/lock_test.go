package aiofiles_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

func TestLock(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		name := filepath.Join(t.TempDir(), "lock")
		shared := &aiofiles.LockOptions{Shared: true}
		a := must(aiofiles.Lock(ctx, name, nil))(t)
		if _, err := aiofiles.TryLock(ctx, name, shared); !errors.Is(err, aiofiles.ErrLocked) {
			t.Errorf("TryLock of a locked file = %v", err)
		}
		short, cancel := context.WithTimeout(ctx, 3*time.Millisecond)
		defer cancel()
		if _, err := aiofiles.Lock(short, name, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Lock given up = %v", err)
		}
		ok(t, a.Close())
		ok(t, a.Close())
		b := must(aiofiles.Lock(ctx, name, shared))(t)
		c := must(aiofiles.Lock(ctx, name, shared))(t)
		if _, err := aiofiles.TryLock(ctx, name, nil); !errors.Is(err, aiofiles.ErrLocked) {
			t.Errorf("TryLock of a shared file = %v", err)
		}
		ok(t, b.Close())
		ok(t, c.Close())
		d := must(aiofiles.TryLock(ctx, name, nil))(t)
		ok(t, d.Close())
	})
}

func TestLockExcludesTasks(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "lock")
	var holders, most atomic.Int32
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		var tasks []asyncio.Awaitable[int]
		for range 8 {
			tasks = append(tasks, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				lock, err := aiofiles.Lock(ctx, name, nil)
				if err != nil {
					return 0, err
				}
				most.Store(max(most.Load(), holders.Add(1)))
				err = asyncio.Sleep(ctx, time.Millisecond)
				holders.Add(-1)
				return 0, errors.Join(err, lock.Close())
			}))
		}
		_, err := asyncio.Gather(ctx, tasks...)
		return 0, err
	}, nil)
	if err != nil || most.Load() != 1 {
		t.Errorf("%d held the lock at once; %v", most.Load(), err)
	}
}

func TestLockRange(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "0123456789")
		f := open(t, ctx, name, "r+b", nil)
		g := open(t, ctx, name, "r+b", nil)
		first, err := f.LockRange(ctx, 0, 5, nil)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		}
		ok(t, err)
		second := must(g.LockRange(ctx, 5, 0, nil))(t)
		if _, err := g.TryLockRange(ctx, 4, 1, nil); !errors.Is(err, aiofiles.ErrLocked) {
			t.Errorf("TryLockRange = %v", err)
		}
		short, cancel := context.WithTimeout(ctx, 3*time.Millisecond)
		defer cancel()
		if _, err := f.LockRange(short, 0, 0, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("LockRange given up = %v", err)
		}
		// Closing another descriptor of the file unlocks nothing.
		ok(t, open(t, ctx, name, "rb", nil).Close())
		if _, err := g.TryLockRange(ctx, 0, 1, nil); !errors.Is(err, aiofiles.ErrLocked) {
			t.Errorf("after another descriptor was closed: %v", err)
		}
		ok(t, first.Close())
		third := must(g.TryLockRange(ctx, 0, 1, &aiofiles.LockOptions{Shared: true}))(t)
		ok(t, third.Close())
		ok(t, g.Close())
		ok(t, second.Close())
		all := must(f.TryLockRange(ctx, 0, 0, nil))(t)
		ok(t, all.Close())
	})
}

func TestLimiterIsFair(t *testing.T) {
	lim := aiofiles.NewLimiter(1)
	s := newStuckFS("open")
	ctx := aiofiles.WithLimiter(aiofiles.WithFS(t.Context(), s), lim)
	dir := t.TempDir()
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%02d", i)) }
	for i := range 20 {
		ok(t, os.WriteFile(name(i), nil, 0o600))
	}
	go aiofiles.ReadFile(ctx, name(0))
	<-s.met
	done := make(chan struct{})
	_, err := asyncio.Run(ctx, func(ctx context.Context) (int, error) {
		var tasks []asyncio.Awaitable[int]
		for i := range 20 {
			tasks = append(tasks, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				if i%5 == 4 { // these do not wait to the end
					short, cancel := context.WithTimeout(ctx, time.Millisecond)
					defer cancel()
					if _, err := aiofiles.ReadFile(short, name(i)); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("waiting was not given up: %v", err)
					}
					return 0, nil
				}
				_, err := aiofiles.ReadFile(ctx, name(i))
				return 0, err
			}))
		}
		go func() {
			defer close(done)
			for lim.Waiting() != 16 {
				<-time.After(time.Millisecond)
			}
			close(s.free)
		}()
		_, err := asyncio.Gather(ctx, tasks...)
		return 0, err
	}, nil)
	ok(t, err)
	<-done
	s.left(t)
	if len(s.names) != 17 || !slices.IsSorted(s.names) {
		t.Errorf("%d were served, in the order %v", len(s.names), s.names)
	}
	for lim.InUse() > 0 {
		<-time.After(time.Millisecond)
	}
	if lim.Limit() != 1 || lim.Waiting() != 0 {
		t.Errorf("limit %d, %d waiting", lim.Limit(), lim.Waiting())
	}
}

package aiofiles_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

// TestCachedInPlace reads a file while no call may enter the kernel: its folder is
// known, and its name and content are in memory.
func TestCachedInPlace(t *testing.T) {
	if fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_RDONLY, Resolve: 0x20}); err == nil {
		unix.Close(fd)
	} else if err != unix.EAGAIN {
		t.Skip("RESOLVE_CACHED: ", err)
	}
	dir, err := os.MkdirTemp("/dev/shm", "aiofiles-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	name, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	ok(t, os.WriteFile(name, []byte("content"), 0o600))
	ok(t, os.Symlink("file", link))

	helpers(t, func(t *testing.T, ctx context.Context) {
		inPlace := 0
		lim := aiofiles.NewLimiter(1)
		in := aiofiles.WithLimiter(ctx, lim)
		must(aiofiles.ReadFile(in, name))(t) // makes the folder known
		s := newStuckFS("open")
		_, err := aiofiles.ReadFile(aiofiles.WithFS(s.giveUp(in), s), name) // and has the place
		gaveUp(t, err)
		defer func() {
			close(s.free)
			s.left(t)
		}()

		for range 10 { // one in 32 is made like any other, so that a loop of them lets others run
			short, cancel := context.WithTimeout(in, 10*time.Millisecond)
			data, err := aiofiles.ReadFile(short, name)
			var f *aiofiles.File
			if err == nil {
				f, err = aiofiles.Open(short, name, "r", nil)
			}
			cancel()
			if errors.Is(err, context.DeadlineExceeded) {
				continue
			}
			ok(t, err)
			if line := must(f.ReadLine(in))(t); string(data) != "content" || line != "content" {
				t.Errorf("read %q and %q", data, line)
			}
			ok(t, f.Close())
			inPlace++
		}
		if inPlace < 5 {
			t.Errorf("only %d of 10 went past the limiter", inPlace)
		}

		for what, call := range map[string]func(ctx context.Context) error{
			"a link, which leads anywhere": func(ctx context.Context) error { _, err := aiofiles.ReadFile(ctx, link); return err },
			"a file that is made":          func(ctx context.Context) error { return aiofiles.WriteFile(ctx, name, nil, 0o600) },
			"another folder":               func(ctx context.Context) error { _, err := aiofiles.ReadFile(ctx, "/proc/self/stat"); return err },
		} {
			short, cancel := context.WithTimeout(in, 2*time.Millisecond)
			if err := call(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s went past the limiter: %v", what, err)
			}
			cancel()
		}
	})
}

// TestCachedLetsOthersRun has a task that reads until another has done something.
func TestCachedLetsOthersRun(t *testing.T) {
	name := temp(t, "content")
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		done := false
		reader := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
			for !done {
				if _, err := aiofiles.ReadFile(ctx, name); err != nil {
					return 0, err
				}
			}
			return 0, nil
		})
		for range 3 {
			ok(t, aiofiles.WriteFile(ctx, name+"2", nil, 0o600))
		}
		done = true
		return asyncio.Await(ctx, reader)
	}, nil)
	ok(t, err)
}

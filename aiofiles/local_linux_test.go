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

		if got := must(aiofiles.ReadFile(in, name))(t); string(got) != "content" {
			t.Errorf("ReadFile = %q", got)
		}
		f := must(aiofiles.Open(in, name, "r", nil))(t)
		if line := must(f.ReadLine(in))(t); line != "content" {
			t.Errorf("ReadLine = %q", line)
		}
		ok(t, f.Close())

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

//go:build unix

package aiofiles_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
)

// inMemory makes a folder on another file system than that of t.TempDir.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "aiofiles-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestMoveAcrossFileSystems moves a tree from memory to the disk, as a rename cannot.
func TestMoveAcrossFileSystems(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		src, dst := filepath.Join(inMemory(t), "src"), filepath.Join(t.TempDir(), "dst")
		ok(t, os.MkdirAll(filepath.Join(src, "sub"), 0o750))
		file := filepath.Join("sub", "file")
		ok(t, os.WriteFile(filepath.Join(src, file), []byte("content"), 0o640))
		when := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		ok(t, os.Chtimes(filepath.Join(src, file), when, when))
		ok(t, os.Symlink("sub/file", filepath.Join(src, "link")))
		if err := os.Rename(src, dst); !errors.Is(err, syscall.EXDEV) {
			t.Skipf("the two folders are on one file system: %v", err)
		}

		ended, cancel := context.WithCancelCause(ctx)
		cancel(errGiveUp)
		gaveUp(t, aiofiles.Move(ended, src, dst, nil))
		content(t, filepath.Join(src, file), "content")

		ok(t, aiofiles.Move(ctx, src, dst, nil))
		content(t, filepath.Join(dst, file), "content")
		info := must(os.Stat(filepath.Join(dst, file)))(t)
		if info.Mode() != 0o640 || !info.ModTime().Equal(when) {
			t.Errorf("what arrived is %v of %v", info.Mode(), info.ModTime())
		}
		if to := must(os.Readlink(filepath.Join(dst, "link")))(t); to != "sub/file" {
			t.Errorf("the link leads to %q", to)
		}
		if _, err := os.Lstat(src); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the source is still there: %v", err)
		}

		single := filepath.Join(inMemory(t), "single")
		ok(t, os.WriteFile(single, []byte("one"), 0o600))
		ok(t, aiofiles.Move(ctx, single, dst, nil)) // into the folder
		content(t, filepath.Join(dst, "single"), "one")
	})
}

// TestScanLargeFolder scans a folder of many entries in little memory.
func TestScanLargeFolder(t *testing.T) {
	entries := 20_000
	if os.Getenv("QUARTET_SOAK") != "" {
		entries = 200_000
	}
	if testing.Short() {
		entries = 2_000
	}
	dir := inMemory(t)
	first := filepath.Join(dir, "000000")
	ok(t, os.WriteFile(first, nil, 0o600))
	for i := 1; i < entries; i++ { // links are quicker to make than files
		ok(t, os.Link(first, filepath.Join(dir, fmt.Sprintf("%06d", i))))
	}
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := live(), uint64(0)
	seen := make([]bool, entries)
	n := 0
	for e, err := range aiofiles.ScanDir(t.Context(), dir) {
		ok(t, err)
		var i int
		if _, err := fmt.Sscanf(e.Name(), "%d", &i); err != nil || seen[i] || e.IsDir() {
			t.Fatalf("entry %v: %v", e, err)
		}
		seen[i] = true
		if n++; n%(entries/4) == 0 {
			most = max(most, live())
		}
	}
	if n != entries {
		t.Errorf("%d of %d entries", n, entries)
	}
	if limit := before + uint64(entries) + 512<<10; most > limit { // seen, and some
		t.Errorf("%d KiB are live in the middle, %d KiB before", most>>10, before>>10)
	}
}

package aiofiles_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/quartet-go/quartet/aiofiles"
)

func onlyFile(t *testing.T, name string) {
	t.Helper()
	entries := must(os.ReadDir(filepath.Dir(name)))(t)
	if len(entries) != 1 {
		t.Errorf("folder has %v, want %s alone", entries, filepath.Base(name))
	}
}

func TestWriteFileAtomic(t *testing.T) {
	for _, strength := range []aiofiles.Strength{aiofiles.RenameOnly, aiofiles.DataSynced, aiofiles.FolderSynced} {
		engines(t, func(t *testing.T, ctx context.Context) {
			name := temp(t, "old")
			if err := os.Chmod(name, 0o640); err != nil {
				t.Fatal(err)
			}
			err := aiofiles.WriteFileAtomic(ctx, name, []byte("new"), &aiofiles.AtomicOptions{Strength: strength})
			if err != nil {
				t.Fatal(err)
			}
			content(t, name, "new")
			onlyFile(t, name)
			if perm := must(os.Stat(name))(t).Mode().Perm(); perm != 0o640 {
				t.Errorf("the new file has mode %o", perm)
			}
		})
	}
}

func TestAtomicFile(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "old")
		f := must(aiofiles.CreateAtomic(ctx, name, "w", nil))(t)
		must(f.WriteString(ctx, "dropped"))(t)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		content(t, name, "old")
		onlyFile(t, name)

		f = must(aiofiles.CreateAtomic(ctx, name, "w", nil))(t)
		must(f.WriteString(ctx, "kept"))(t)
		content(t, name, "old")
		if err := f.Commit(ctx); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Commit(ctx); !errors.Is(err, os.ErrClosed) {
			t.Errorf("second Commit = %v", err)
		}
		content(t, name, "kept")
		onlyFile(t, name)
	})
}

func TestReadAndWriteFile(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := filepath.Join(t.TempDir(), "f")
		for _, size := range []int{0, 1, 511, 512, 513, 3 << 20} {
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(i * 7)
			}
			if err := aiofiles.WriteFile(ctx, name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := must(aiofiles.ReadFile(ctx, name))(t); string(got) != string(data) {
				t.Errorf("read %d bytes, not the %d that were written", len(got), size)
			}
		}
		if err := aiofiles.AppendFile(ctx, name, []byte("end"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := must(aiofiles.ReadFile(ctx, name))(t); len(got) != 3<<20+3 {
			t.Errorf("after AppendFile: %d bytes", len(got))
		}
		if got := must(aiofiles.ReadFile(ctx, "/proc/self/status"))(t); len(got) == 0 {
			t.Error("a file whose size is told as 0 reads as empty")
		}
	})
}

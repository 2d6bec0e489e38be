package aiofiles_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

func TestTempFile(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "t")
		ok(t, aiofiles.Mkdir(ctx, dir, 0o755))
		f := must(aiofiles.TempFile(ctx, &aiofiles.TempOptions{Dir: dir}))(t)
		must(f.WriteString(ctx, "in and "))(t)
		must(f.WriteString(ctx, "out"))(t)
		must(f.Seek(ctx, 0, io.SeekStart))(t)
		if b := must(f.ReadAll(ctx))(t); string(b) != "in and out" {
			t.Errorf("ReadAll = %q", b)
		}
		if entries := must(aiofiles.ReadDir(ctx, dir))(t); len(entries) != 0 {
			t.Errorf("the file has a name: %v", entries)
		}
		ok(t, f.Close())
	})
}

func TestNamedTempFile(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "t")
		ok(t, aiofiles.Mkdir(ctx, dir, 0o755))
		opts := &aiofiles.TempOptions{Dir: dir, Prefix: "p-", Suffix: ".txt", Mode: "w+"}
		f := must(aiofiles.NamedTempFile(ctx, opts))(t)
		must(f.WriteString(ctx, "text"))(t)
		if got := must(aiofiles.ReadFile(ctx, f.Name()))(t); string(got) != "text" {
			t.Errorf("by its name: %q", got)
		}
		base := filepath.Base(f.Name())
		if !strings.HasPrefix(base, "p-") || !strings.HasSuffix(base, ".txt") {
			t.Errorf("name %q", base)
		}
		if info := must(aiofiles.Stat(ctx, f.Name()))(t); info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
		ok(t, f.Close())
		ok(t, f.Close())
		if there := must(aiofiles.Exists(ctx, f.Name()))(t); there {
			t.Error("the file stays")
		}
		opts.Keep = true
		f = must(aiofiles.NamedTempFile(ctx, opts))(t)
		ok(t, f.Close())
		ok(t, aiofiles.Remove(ctx, f.Name()))
		opts.Keep = false
		f = must(aiofiles.NamedTempFile(ctx, opts))(t)
		ok(t, aiofiles.Remove(ctx, f.Name()))
		ok(t, f.Close())
	})
}

func TestTempDir(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		d := must(aiofiles.TempDir(ctx, &aiofiles.TempOptions{Dir: dir}))(t)
		if info := must(aiofiles.Stat(ctx, d.Path))(t); info.Mode().Perm() != 0o700 {
			t.Errorf("mode %v", info.Mode())
		}
		tree(t, ctx, d.Path, "a/b/f", "g", "link→/")
		ok(t, aiofiles.Chmod(ctx, filepath.Join(d.Path, "a/b"), 0o500))
		ok(t, aiofiles.Chmod(ctx, filepath.Join(d.Path, "a"), 0o500))
		ok(t, d.Close())
		ok(t, d.Close())
		if there := must(aiofiles.Exists(ctx, d.Path))(t); there {
			t.Error("the folder stays")
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	d := must(aiofiles.TempDir(ctx, nil))(t)
	cancel()
	ok(t, d.Close())
	if _, err := os.Stat(d.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after its context has ended, the folder stays: %v", err)
	}
}

func TestSpooledFile(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "t")
		ok(t, aiofiles.Mkdir(ctx, dir, 0o755))
		s := must(aiofiles.SpooledFile(ctx, 10, &aiofiles.TempOptions{Dir: dir, Mode: "w+"}))(t)
		must(s.WriteString(ctx, "0123456789"))(t)
		if !s.InMemory() || s.Fd() != -1 {
			t.Error("10 bytes of 10 are not in memory")
		}
		must(s.WriteString(ctx, "X"))(t)
		if s.InMemory() {
			t.Error("11 bytes of 10 are in memory")
		}
		must(s.Seek(ctx, 2, io.SeekStart))(t)
		if text := must(s.ReadText(ctx, -1))(t); text != "23456789X" {
			t.Errorf("ReadText = %q", text)
		}
		ok(t, s.Truncate(ctx, 3))
		must(s.Seek(ctx, 0, io.SeekStart))(t)
		if text := must(s.ReadText(ctx, -1))(t); text != "012" {
			t.Errorf("after Truncate: %q", text)
		}
		ok(t, s.Close())

		s = must(aiofiles.SpooledFile(ctx, 0, &aiofiles.TempOptions{Dir: dir}))(t)
		must(s.Write(ctx, make([]byte, 1<<16)))(t)
		if !s.InMemory() {
			t.Error("without a limit it left the memory")
		}
		ok(t, s.Rollover(ctx))
		if s.InMemory() {
			t.Error("Rollover left it in memory")
		}
		ok(t, s.Close())
	})
}

func TestDirFS(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "d")
		tree(t, ctx, dir, "a/x", "a/b/y", "c/", "f")
		if err := fstest.TestFS(aiofiles.DirFS(ctx, dir), "a/x", "a/b/y", "f"); err != nil {
			t.Error(err)
		}
	})
}

func TestRootConfines(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		dir := t.TempDir()
		secret := filepath.Join(dir, "secret")
		ok(t, os.WriteFile(secret, []byte("secret"), 0o600))
		ok(t, os.Mkdir(filepath.Join(dir, "root"), 0o755))
		ok(t, os.Symlink("../secret", filepath.Join(dir, "root", "up")))
		ok(t, os.Symlink(secret, filepath.Join(dir, "root", "abs")))
		ok(t, os.Symlink("..", filepath.Join(dir, "root", "dir")))
		root := must(aiofiles.OpenRoot(ctx, filepath.Join(dir, "root")))(t)
		defer root.Close()
		in := root.In(ctx)
		write(t, in, "inside", "fine")
		for _, name := range []string{"../secret", "up", "abs", "dir/secret", secret, "x/../../secret"} {
			if data, err := aiofiles.ReadFile(in, name); err == nil {
				t.Errorf("ReadFile(%q) = %q", name, data)
			}
			if err := aiofiles.WriteFileAtomic(in, name, []byte("mine"), nil); err == nil && name != "up" && name != "abs" {
				t.Errorf("WriteFileAtomic(%q) works", name)
			}
			if err := aiofiles.CopyFile(in, "inside", name+"2", nil); err == nil && name != "up" && name != "abs" {
				t.Errorf("CopyFile to %q works", name+"2")
			}
		}
		content(t, secret, "secret")
	})
}

func TestReadFiles(t *testing.T) {
	t.Parallel()
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "many")
		var names []string
		ok(t, aiofiles.Mkdir(ctx, dir, 0o755))
		for i := range 200 {
			names = append(names, filepath.Join(dir, strings.Repeat("n", i+1)))
			write(t, ctx, names[i], strings.Repeat("x", i*100))
		}
		names = append(names, filepath.Join(dir, "missing"))
		data, err := aiofiles.ReadFiles(ctx, names)
		if !errors.Is(err, os.ErrNotExist) || len(data) != 201 || data[200] != nil {
			t.Fatalf("ReadFiles = %d, %v", len(data), err)
		}
		for i := range 200 {
			if len(data[i]) != i*100 {
				t.Errorf("file %d has %d bytes", i, len(data[i]))
			}
		}
		if data, err := aiofiles.ReadFiles(ctx, nil); len(data) != 0 || err != nil {
			t.Errorf("ReadFiles of nothing = %v, %v", data, err)
		}
	})
}

func TestWithFSIsForAllCalls(t *testing.T) {
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	ctx := aiofiles.WithFS(t.Context(), faulty)
	ok(t, aiofiles.WriteText(ctx, "/a", "text\n", nil))
	f := open(t, ctx, "/a", "r", nil)
	for line, err := range f.Lines(ctx) {
		if line != "text\n" || err != nil {
			t.Errorf("line %q, %v", line, err)
		}
	}
	ok(t, f.Close())
	if faulty.Calls("open") != 2 || faulty.Open() != 0 {
		t.Errorf("%d opened, %d open", faulty.Calls("open"), faulty.Open())
	}
	if _, err := os.Stat("/a"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of the machine: %v", err)
	}
}

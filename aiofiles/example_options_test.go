package aiofiles_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

// A readOnly is a file system that opens no file for writing. It embeds the one it
// goes to, so that all else is as there.
type readOnly struct{ aiofiles.FS }

func (r readOnly) OpenFile(name string, flag int, perm fs.FileMode) (aiofiles.Handle, error) {
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return r.FS.OpenFile(name, flag, perm)
}

func ExampleFS() {
	mem := aiofilestest.NewMem()
	ctx := aiofiles.WithFS(context.Background(), mem)
	aiofiles.WriteFile(ctx, "config", []byte("color = red"), 0o644)

	ctx = aiofiles.WithFS(ctx, readOnly{mem})
	data, err := aiofiles.ReadFile(ctx, "config")
	fmt.Printf("%s, %v\n", data, err)
	err = aiofiles.WriteFile(ctx, "config", nil, 0o644)
	fmt.Println(errors.Is(err, fs.ErrPermission))
	// Output:
	// color = red, <nil>
	// true
}

// A countingFS counts the bytes that are read from its files.
type countingFS struct {
	aiofiles.FS
	bytes atomic.Int64
}

func (c *countingFS) OpenFile(name string, flag int, perm fs.FileMode) (aiofiles.Handle, error) {
	h, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &countingHandle{h, c}, nil
}

type countingHandle struct {
	aiofiles.Handle
	fs *countingFS
}

func (h *countingHandle) Read(p []byte) (int, error) {
	n, err := h.Handle.Read(p)
	h.fs.bytes.Add(int64(n))
	return n, err
}

func ExampleHandle() {
	counting := &countingFS{FS: aiofilestest.NewMem()}
	ctx := aiofiles.WithFS(context.Background(), counting)
	aiofiles.WriteFile(ctx, "f", make([]byte, 1000), 0o644)
	aiofiles.ReadFile(ctx, "f")
	fmt.Println(counting.bytes.Load())
	// Output: 1000
}

func ExampleAtomicOptions() {
	ctx := context.Background()
	dir, remove := exampleFolder()
	defer remove()
	name := filepath.Join(dir, "secret")
	err := aiofiles.WriteFileAtomic(ctx, name, []byte("key"), &aiofiles.AtomicOptions{
		Strength: aiofiles.FolderSynced, // it is there after a power cut
		Perm:     0o600,
	})
	if err != nil {
		log.Fatal(err)
	}
	info, _ := aiofiles.Stat(ctx, name)
	fmt.Println(info.Mode().Perm()&0o077 == 0, info.Size())
	// Output: true 3
}

func ExampleLockOptions() {
	ctx := context.Background()
	dir, remove := exampleFolder()
	defer remove()
	name := filepath.Join(dir, "app.lock")
	readers := &aiofiles.LockOptions{Shared: true}
	a, err := aiofiles.Lock(ctx, name, readers)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	b, err := aiofiles.Lock(ctx, name, readers)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	_, err = aiofiles.TryLock(ctx, name, nil) // for writing
	fmt.Println(errors.Is(err, aiofiles.ErrLocked))
	// Output: true
}

func ExampleTempOptions() {
	ctx := context.Background()
	dir, err := aiofiles.TempDir(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close()
	f, err := aiofiles.NamedTempFile(ctx, &aiofiles.TempOptions{
		Dir: dir.Path, Prefix: "report-", Suffix: ".txt", Mode: "w",
		Open: &aiofiles.OpenOptions{Encoding: "utf-16"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	match, _ := filepath.Match("report-*.txt", filepath.Base(f.Name()))
	fmt.Println(match)
	// Output: true
}

func ExampleWalkOptions() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.MkdirAll(ctx, "tree/b", 0o755)
	aiofiles.MkdirAll(ctx, "tree/a/deep", 0o755)
	for folder := range aiofiles.Walk(ctx, "tree", &aiofiles.WalkOptions{BottomUp: true, Sorted: true}) {
		fmt.Println(filepath.ToSlash(folder.Path))
	}
	// Output:
	// tree/a/deep
	// tree/a
	// tree/b
	// tree
}

func ExampleGlobOptions() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	for _, name := range []string{"a.go", ".b.go"} {
		aiofiles.WriteFile(ctx, name, nil, 0o644)
	}
	for name := range aiofiles.Glob(ctx, "*.go", &aiofiles.GlobOptions{Hidden: true}) {
		fmt.Println(name)
	}
	// Output:
	// .b.go
	// a.go
}

func ExampleCopyOptions() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.MkdirAll(ctx, "src", 0o755)
	for _, name := range []string{"src/main.go", "src/main.o"} {
		aiofiles.WriteFile(ctx, name, nil, 0o644)
	}
	err := aiofiles.CopyTree(ctx, "src", "dst", &aiofiles.CopyOptions{
		Times:  true,
		Filter: func(path string, _ fs.DirEntry) bool { return !strings.HasSuffix(path, ".o") },
	})
	entries, _ := aiofiles.ReadDir(ctx, "dst")
	fmt.Println(entries, err)
	// Output: [- main.go] <nil>
}

func ExampleCopyProgress() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.MkdirAll(ctx, "src", 0o755)
	aiofiles.WriteFile(ctx, "src/a", make([]byte, 1000), 0o644)
	aiofiles.WriteFile(ctx, "src/b", make([]byte, 500), 0o644)
	aiofiles.CopyTree(ctx, "src", "dst", &aiofiles.CopyOptions{
		Progress: func(p aiofiles.CopyProgress) { fmt.Println(p.Path, p.Bytes, p.Files) },
	})
	// Output:
	// src/a 1000 0
	// src/a 1000 1
	// src/b 1500 1
	// src/b 1500 2
}

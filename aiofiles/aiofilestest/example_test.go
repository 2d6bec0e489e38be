package aiofilestest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

// save is the code under test. It knows nothing of test file systems.
func save(ctx context.Context, text string) error {
	return aiofiles.WriteFileAtomic(ctx, "/etc/app.conf", []byte(text), nil)
}

func ExampleMem() {
	ctx := aiofiles.WithFS(context.Background(), aiofilestest.NewMem())
	aiofiles.Mkdir(ctx, "/etc", 0o755)
	fmt.Println(save(ctx, "debug = true\n"))
	text, err := aiofiles.ReadText(ctx, "/etc/app.conf", nil)
	fmt.Printf("%q %v\n", text, err)
	// Output:
	// <nil>
	// "debug = true\n" <nil>
}

func ExampleFaulty() {
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	ctx := aiofiles.WithFS(context.Background(), faulty)
	aiofiles.Mkdir(ctx, "/etc", 0o755)
	faulty.Fail(aiofilestest.Fault{Op: "sync", Err: syscall.EIO})
	err := save(ctx, "debug = true\n")
	fmt.Println(errors.Is(err, syscall.EIO))
	entries, _ := aiofiles.ReadDir(ctx, "/etc")
	fmt.Println(len(entries), "files left,", faulty.Open(), "open")
	// Output:
	// true
	// 0 files left, 0 open
}

func ExampleFault() {
	// A disk that is full at byte 4, once.
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	faulty.Fail(aiofilestest.Fault{Op: "write", Name: "*.log", After: 4, Err: syscall.ENOSPC, Times: 1})
	ctx := aiofiles.WithFS(context.Background(), faulty)
	fmt.Println(aiofiles.WriteFile(ctx, "/a.log", []byte("0123456789"), 0o644) != nil)
	data, _ := aiofiles.ReadFile(ctx, "/a.log")
	fmt.Printf("%s\n", data)
	// Output:
	// true
	// 0123
}

// TestFaultOrder holds which calls a fault happens in, and that a call can hang.
func TestFaultOrder(t *testing.T) {
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	first, all := errors.New("first"), errors.New("all")
	faulty.Fail(aiofilestest.Fault{Op: "stat", Skip: 1, Times: 1, Err: first})
	faulty.Fail(aiofilestest.Fault{Op: "stat", Skip: 2, Err: all})
	for i, want := range []error{nil, first, all, all} {
		if _, err := faulty.Stat("/"); !errors.Is(err, want) {
			t.Errorf("call %d = %v, want %v", i, err, want)
		}
	}
	free := make(chan struct{})
	faulty.Fail(aiofilestest.Fault{Op: "mkdir", Hold: free})
	done := make(chan error)
	go func() { done <- faulty.Mkdir("/d", 0o755) }()
	faulty.WaitCalls("mkdir", 1)
	select {
	case <-done:
		t.Error("the call did not wait")
	default:
	}
	close(free)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestMemLikeOS makes the same calls on Mem and on the machine and compares.
func TestMemLikeOS(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	machine, err := aiofiles.OpenRoot(t.Context(), root.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	mem := aiofilestest.NewMem()
	for _, tc := range []struct {
		name string
		call func(fsys aiofiles.FS) error
	}{
		{"mkdir", func(f aiofiles.FS) error { return f.Mkdir("d", 0o755) }},
		{"mkdir again", func(f aiofiles.FS) error { return f.Mkdir("d", 0o755) }},
		{"mkdir below nothing", func(f aiofiles.FS) error { return f.Mkdir("x/y", 0o755) }},
		{"open nothing", func(f aiofiles.FS) error { return use(f, "none", os.O_RDONLY) }},
		{"create", func(f aiofiles.FS) error { return use(f, "d/f", os.O_WRONLY|os.O_CREATE|os.O_EXCL) }},
		{"create again", func(f aiofiles.FS) error { return use(f, "d/f", os.O_WRONLY|os.O_CREATE|os.O_EXCL) }},
		{"write a folder", func(f aiofiles.FS) error { return use(f, "d", os.O_WRONLY) }},
		{"below a file", func(f aiofiles.FS) error { return use(f, "d/f/g", os.O_RDONLY) }},
		{"remove full", func(f aiofiles.FS) error { return f.Remove("d") }},
		{"symlink", func(f aiofiles.FS) error { return f.Symlink("f", "d/link") }},
		{"symlink again", func(f aiofiles.FS) error { return f.Symlink("f", "d/link") }},
		{"read through it", func(f aiofiles.FS) error { return use(f, "d/link", os.O_RDONLY) }},
		{"readlink of a file", func(f aiofiles.FS) error { _, err := f.Readlink("d/f"); return err }},
		{"loop", func(f aiofiles.FS) error { return f.Symlink("loop", "loop") }},
		{"follow a loop", func(f aiofiles.FS) error { _, err := f.Stat("loop"); return err }},
		{"link", func(f aiofiles.FS) error { return f.Link("d/f", "hard") }},
		{"rename onto a folder", func(f aiofiles.FS) error { return f.Rename("hard", "d") }},
		{"mkdir for a rename", func(f aiofiles.FS) error { return f.Mkdir("empty", 0o755) }},
		{"rename onto an empty folder", func(f aiofiles.FS) error { return f.Rename("d", "empty") }},
		{"rename a folder onto itself", func(f aiofiles.FS) error { return f.Rename("d", "d") }},
		{"rename a folder onto a file", func(f aiofiles.FS) error { return f.Rename("d", "hard") }},
		{"rename into itself", func(f aiofiles.FS) error { return f.Rename("d", "d/e") }},
		{"rename", func(f aiofiles.FS) error { return f.Rename("hard", "d/moved") }},
		{"rename nothing", func(f aiofiles.FS) error { return f.Rename("hard", "d/moved") }},
		{"chmod nothing", func(f aiofiles.FS) error { return f.Chmod("none", 0o600) }},
		{"remove nothing", func(f aiofiles.FS) error { return f.Remove("none") }},
	} {
		want, got := tc.call(machine), tc.call(mem)
		if a, b := errno(want), errno(got); a != b {
			t.Errorf("%s: %v, on the machine %v", tc.name, got, want)
		}
	}
}

func errno(err error) error {
	if err == nil {
		return nil
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no
	}
	return err
}

// use opens a file and does to it what the flags let it.
func use(f aiofiles.FS, name string, flag int) error {
	h, err := f.OpenFile(name, flag, 0o644)
	if err != nil {
		return err
	}
	defer h.Close()
	if flag&os.O_WRONLY != 0 {
		_, err = h.Write([]byte("x"))
	} else {
		_, err = io.ReadAll(h)
	}
	return err
}

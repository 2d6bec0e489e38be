package aiofiles_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

const poison = 0xDD

func poisoned(n int) []byte { return bytes.Repeat([]byte{poison}, n) }

// untouched reports whether p is still poison.
func untouched(t *testing.T, what string, p []byte) {
	t.Helper()
	if !bytes.Equal(p, poisoned(len(p))) {
		t.Errorf("%s: the caller's memory was touched: % x", what, p)
	}
}

// pathCalls has a call of each kind that goes to the file system by name.
var pathCalls = map[string]func(ctx context.Context, name string) error{
	"Open": func(ctx context.Context, name string) error {
		_, err := aiofiles.Open(ctx, name, "rb", nil)
		return err
	},
	"ReadFile": func(ctx context.Context, name string) error { _, err := aiofiles.ReadFile(ctx, name); return err },
	"ReadFiles": func(ctx context.Context, name string) error {
		_, err := aiofiles.ReadFiles(ctx, []string{name})
		return err
	},
	"WriteFile":       func(ctx context.Context, name string) error { return aiofiles.WriteFile(ctx, name, nil, 0o600) },
	"WriteFileAtomic": func(ctx context.Context, name string) error { return aiofiles.WriteFileAtomic(ctx, name, nil, nil) },
	"CreateAtomic": func(ctx context.Context, name string) error {
		_, err := aiofiles.CreateAtomic(ctx, name, "wb", nil)
		return err
	},
	"Stat":          func(ctx context.Context, name string) error { _, err := aiofiles.Stat(ctx, name); return err },
	"Exists":        func(ctx context.Context, name string) error { _, err := aiofiles.Exists(ctx, name); return err },
	"Mkdir":         func(ctx context.Context, name string) error { return aiofiles.Mkdir(ctx, name, 0o700) },
	"Remove":        func(ctx context.Context, name string) error { return aiofiles.Remove(ctx, name) },
	"RemoveAll":     func(ctx context.Context, name string) error { return aiofiles.RemoveAll(ctx, name) },
	"Rename":        func(ctx context.Context, name string) error { return aiofiles.Rename(ctx, name, name+"2") },
	"ReadDir":       func(ctx context.Context, name string) error { _, err := aiofiles.ReadDir(ctx, name); return err },
	"CopyFile":      func(ctx context.Context, name string) error { return aiofiles.CopyFile(ctx, name, name+"2", nil) },
	"CopyTree":      func(ctx context.Context, name string) error { return aiofiles.CopyTree(ctx, name, name+"2", nil) },
	"TempFile":      func(ctx context.Context, name string) error { _, err := aiofiles.TempFile(ctx, nil); return err },
	"NamedTempFile": func(ctx context.Context, name string) error { _, err := aiofiles.NamedTempFile(ctx, nil); return err },
	"TempDir":       func(ctx context.Context, name string) error { _, err := aiofiles.TempDir(ctx, nil); return err },
	"Lock":          func(ctx context.Context, name string) error { _, err := aiofiles.Lock(ctx, name, nil); return err },
	"Walk": func(ctx context.Context, name string) (err error) {
		for _, err = range aiofiles.Walk(ctx, name, nil) {
		}
		return err
	},
	"ScanDir": func(ctx context.Context, name string) (err error) {
		for _, err = range aiofiles.ScanDir(ctx, name) {
		}
		return err
	},
	"Glob": func(ctx context.Context, name string) (err error) {
		for _, err = range aiofiles.Glob(ctx, name+"*", nil) {
		}
		return err
	},
}

// fileCalls has a call of each kind on an open file.
var fileCalls = map[string]func(ctx context.Context, f *aiofiles.File) error{
	"Read":     func(ctx context.Context, f *aiofiles.File) error { _, err := f.Read(ctx, make([]byte, 4)); return err },
	"ReadN":    func(ctx context.Context, f *aiofiles.File) error { _, err := f.ReadN(ctx, 4); return err },
	"ReadAll":  func(ctx context.Context, f *aiofiles.File) error { _, err := f.ReadAll(ctx); return err },
	"ReadText": func(ctx context.Context, f *aiofiles.File) error { _, err := f.ReadText(ctx, 3); return err },
	"ReadLine": func(ctx context.Context, f *aiofiles.File) error { _, err := f.ReadLine(ctx); return err },
	"ReadAt": func(ctx context.Context, f *aiofiles.File) error {
		_, err := f.ReadAt(ctx, make([]byte, 4), 1)
		return err
	},
	"Peek":  func(ctx context.Context, f *aiofiles.File) error { _, err := f.Peek(ctx, 2); return err },
	"Write": func(ctx context.Context, f *aiofiles.File) error { _, err := f.Write(ctx, []byte("x")); return err },
	"WriteAt": func(ctx context.Context, f *aiofiles.File) error {
		_, err := f.WriteAt(ctx, []byte("x"), 0)
		return err
	},
	"Flush":    func(ctx context.Context, f *aiofiles.File) error { return f.Flush(ctx) },
	"Sync":     func(ctx context.Context, f *aiofiles.File) error { return f.Sync(ctx) },
	"Truncate": func(ctx context.Context, f *aiofiles.File) error { return f.Truncate(ctx, 3) },
	"Seek":     func(ctx context.Context, f *aiofiles.File) error { _, err := f.Seek(ctx, 0, io.SeekEnd); return err },
	"Tell":     func(ctx context.Context, f *aiofiles.File) error { _, err := f.Tell(ctx); return err },
	"Lines": func(ctx context.Context, f *aiofiles.File) (err error) {
		for _, err = range f.Lines(ctx) {
		}
		return err
	},
}

// newFaulty returns a file system with faults over a memory that has the file /f.
func newFaulty(t *testing.T, text string) *aiofilestest.Faulty {
	t.Helper()
	mem := aiofilestest.NewMem()
	ok(t, aiofiles.WriteFile(aiofiles.WithFS(t.Context(), mem), "/f", []byte(text), 0o644))
	return aiofilestest.NewFaulty(mem)
}

// when gives a context that ends once faulty has met n calls of op.
func when(ctx context.Context, faulty *aiofilestest.Faulty, op string, n int) context.Context {
	ctx, cancel := context.WithCancelCause(aiofiles.WithFS(ctx, faulty))
	n += faulty.Calls(op)
	go func() {
		faulty.WaitCalls(op, n)
		cancel(errGiveUp)
	}()
	return ctx
}

// TestCancelRules holds what may be relied on when a context ends.
func TestCancelRules(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) { helpersBeside(t, ruleA) })
	t.Run("b", func(t *testing.T) { helpersBeside(t, ruleB) })
	t.Run("c", func(t *testing.T) { helpersBeside(t, ruleC) })
	t.Run("d", func(t *testing.T) { helpersBeside(t, ruleD) })
	t.Run("e", func(t *testing.T) { helpersBeside(t, ruleE) })
	t.Run("f", func(t *testing.T) { helpersBeside(t, ruleF) })
}

// ruleA: a context that has ended makes no system call.
func ruleA(t *testing.T, ctx context.Context) {
	faulty := newFaulty(t, "0123456789")
	ended, cancel := context.WithCancelCause(aiofiles.WithFS(ctx, faulty))
	cancel(errGiveUp)
	total := func() (n int) {
		for _, op := range []string{"open", "read", "write", "sync", "truncate", "close", "readdir", "stat", "lstat", "mkdir", "remove", "rename", "chmod"} {
			n += faulty.Calls(op)
		}
		return n
	}
	for name, call := range pathCalls {
		gaveUp(t, call(ended, "/f"))
		if n := total(); n != 0 {
			t.Fatalf("%s made %d system calls", name, n)
		}
	}
	f := must(aiofiles.Open(aiofiles.WithFS(ctx, faulty), "/f", "r+b", &aiofiles.OpenOptions{Buffering: 100}))(t)
	defer f.Close()
	before := total()
	for name, call := range fileCalls {
		gaveUp(t, call(ended, f))
		if n := total(); n != before {
			t.Fatalf("%s made %d system calls", name, n-before)
		}
	}
}

// ruleB: waiting for a place of the limiter, and for the turn on a file, ends with
// the context.
func ruleB(t *testing.T, ctx context.Context) {
	faulty := newFaulty(t, "0123456789")
	free := make(chan struct{})
	faulty.Fail(aiofilestest.Fault{Op: "read", Hold: free})
	lim := aiofiles.NewLimiter(1)
	in := aiofiles.WithLimiter(aiofiles.WithFS(ctx, faulty), lim)
	f := must(aiofiles.Open(in, "/f", "r+b", nil))(t)
	defer func() {
		close(free)
		ok(t, f.Close())
		faulty.WaitClosed()
	}()
	_, err := f.Read(aiofiles.WithLimiter(when(ctx, faulty, "read", 1), lim), make([]byte, 4))
	gaveUp(t, err) // and has the place and the turn
	for name, call := range fileCalls {
		short, cancel := context.WithTimeout(in, time.Millisecond)
		if err := call(short, f); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s behind a call that hangs = %v", name, err)
		}
		cancel()
	}
	for name, call := range pathCalls {
		short, cancel := context.WithTimeout(in, time.Millisecond)
		if err := call(short, "/f"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s without a place = %v", name, err)
		}
		cancel()
	}
	if lim.InUse() != 1 || lim.Waiting() != 0 {
		t.Errorf("limiter: %d in use, %d waiting", lim.InUse(), lim.Waiting())
	}
}

// ruleC: a call that runs is given up at once where its result can be disowned;
// a write waits a moment, and then its file is poisoned.
func ruleC(t *testing.T, ctx context.Context) {
	for op, calls := range map[string][]string{
		"open": {"Open", "ReadFile", "ReadFiles", "WriteFile", "WriteFileAtomic", "CreateAtomic", "ReadDir", "CopyFile", "TempFile", "NamedTempFile", "Lock", "Walk", "ScanDir"},
		"stat": {"Stat", "Exists"}, "mkdir": {"Mkdir", "TempDir"}, "remove": {"Remove", "RemoveAll"}, "rename": {"Rename"},
		"readdir": {"ReadDir", "ScanDir", "Walk", "Glob"},
	} {
		for _, name := range calls {
			faulty := newFaulty(t, "text")
			free := make(chan struct{})
			faulty.Fail(aiofilestest.Fault{Op: op, Hold: free})
			target := "/f"
			if op == "readdir" {
				target = "/"
			}
			err := pathCalls[name](when(ctx, faulty, op, 1), target)
			if !errors.Is(err, errGiveUp) {
				t.Errorf("%s held in %s = %v", name, op, err)
			}
			close(free)
			faulty.WaitClosed()
			noTemp(t, aiofiles.WithFS(ctx, faulty), name+" given up in "+op)
		}
	}
	for op, name := range map[string]string{"write": "Write", "truncate": "Truncate"} {
		faulty := newFaulty(t, "text")
		free := make(chan struct{})
		faulty.Fail(aiofilestest.Fault{Op: op, Hold: free, Times: 1})
		f := must(aiofiles.Open(aiofiles.WithFS(ctx, faulty), "/f", "r+b", nil))(t)
		gaveUp(t, fileCalls[name](when(ctx, faulty, op, 1), f))
		close(free)
		for name, call := range fileCalls {
			if _, ok := errors.AsType[*aiofiles.PoisonError](call(ctx, f)); !ok {
				t.Errorf("%s after a %s that was given up: not poisoned", name, op)
			}
		}
		ok(t, f.Close())
		faulty.WaitClosed()
	}
	// One that tells its outcome in time is no error at all.
	faulty := newFaulty(t, "text")
	free := make(chan struct{})
	faulty.Fail(aiofilestest.Fault{Op: "write", Hold: free, Times: 1})
	f := must(aiofiles.Open(aiofiles.WithFS(ctx, faulty), "/f", "r+b", nil))(t)
	ending := when(ctx, faulty, "write", 1)
	context.AfterFunc(ending, func() { close(free) })
	if n, err := f.Write(ending, []byte("new")); n != 3 || err != nil {
		t.Errorf("Write that ends after its context, at once = %d, %v", n, err)
	}
	ok(t, f.Close())
}

// noTemp waits until what was given up has removed its temporary file.
func noTemp(t *testing.T, ctx context.Context, what string) {
	t.Helper()
	for range 1000 {
		entries := must(aiofiles.ReadDir(ctx, "/"))(t)
		if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return filepath.Ext(e.Name()) == ".tmp" }) {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Errorf("%s leaves a temporary file", what)
}

// ruleD: after a call has returned, the caller's memory is not touched, and what is
// written is what it was at the call.
func ruleD(t *testing.T, ctx context.Context) {
	for _, size := range []int{1, 100, 5000, 1 << 20} {
		faulty := newFaulty(t, "0123456789"+string(make([]byte, size)))
		free := make(chan struct{})
		faulty.Fail(aiofilestest.Fault{Op: "read", Hold: free})
		in := aiofiles.WithFS(ctx, faulty)
		f := must(aiofiles.Open(in, "/f", "rb", nil))(t)
		g := must(aiofiles.Open(in, "/f", "rb", nil))(t)
		p, q, v := poisoned(size), poisoned(size), [][]byte{poisoned(size), poisoned(size)}
		_, err := f.Read(when(ctx, faulty, "read", 1), p)
		gaveUp(t, err)
		_, err = g.ReadAt(when(ctx, faulty, "read", 1), q, 0)
		gaveUp(t, err)
		_, err = g.ReadVec(when(ctx, faulty, "read", 1), v, 3)
		gaveUp(t, err)
		close(free)
		ok(t, f.Close())
		ok(t, g.Close())
		faulty.WaitClosed()
		untouched(t, "Read", p)
		untouched(t, "ReadAt", q)
		untouched(t, "ReadVec", append(v[0], v[1]...))
	}
	for name, write := range map[string]func(ctx context.Context, p []byte) error{
		"WriteFile":  func(ctx context.Context, p []byte) error { return aiofiles.WriteFile(ctx, "/g", p, 0o600) },
		"AppendFile": func(ctx context.Context, p []byte) error { return aiofiles.AppendFile(ctx, "/g", p, 0o600) },
		"Write": func(ctx context.Context, p []byte) error {
			return writeBy(ctx, func(f *aiofiles.File) (int, error) { return f.Write(ctx, p) })
		},
		"WriteAt": func(ctx context.Context, p []byte) error {
			return writeBy(ctx, func(f *aiofiles.File) (int, error) { return f.WriteAt(ctx, p, 0) })
		},
		"WriteVec": func(ctx context.Context, p []byte) error {
			return writeBy(ctx, func(f *aiofiles.File) (int, error) { return f.WriteVec(ctx, [][]byte{p[:2], p[2:]}, 0) })
		},
	} {
		faulty := newFaulty(t, "")
		free := make(chan struct{})
		faulty.Fail(aiofilestest.Fault{Op: "write", Hold: free})
		p := []byte("before")
		gaveUp(t, write(when(ctx, faulty, "write", 1), p))
		copy(p, "after!")
		close(free)
		faulty.WaitClosed()
		if got := must(aiofiles.ReadFile(aiofiles.WithFS(ctx, faulty), "/g"))(t); string(got) != "before" {
			t.Errorf("%s wrote %q", name, got)
		}
	}
}

// writeBy writes to /g and closes it.
func writeBy(ctx context.Context, write func(f *aiofiles.File) (int, error)) error {
	f, err := aiofiles.Open(ctx, "/g", "wb", nil)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = write(f)
	return err
}

// ruleE: Close waits for what is in flight, and closes once.
func ruleE(t *testing.T, ctx context.Context) {
	faulty := newFaulty(t, "0123456789")
	free := make(chan struct{})
	faulty.Fail(aiofilestest.Fault{Op: "read", Hold: free})
	f := must(aiofiles.Open(aiofiles.WithFS(ctx, faulty), "/f", "rb", nil))(t)
	_, err := f.Read(when(ctx, faulty, "read", 1), make([]byte, 4))
	gaveUp(t, err)
	_, err = f.ReadAt(when(ctx, faulty, "read", 1), make([]byte, 4), 0)
	gaveUp(t, err)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { f.Close() })
	}
	for !f.Closed() {
		<-time.After(time.Millisecond)
	}
	if faulty.Open() != 1 || faulty.Calls("close") != 0 {
		t.Error("closed under a call in flight")
	}
	if _, err := f.Read(ctx, make([]byte, 4)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Read of a file that is being closed = %v", err)
	}
	close(free)
	wg.Wait()
	faulty.WaitClosed()
	if n := faulty.Calls("close"); n != 1 {
		t.Errorf("closed %d times", n)
	}
}

// ruleF: nothing remains: see also TestCancelStorm and the leak check of all tests.
func ruleF(t *testing.T, ctx context.Context) {
	lim := aiofiles.NewLimiter(4)
	mem := aiofilestest.NewMem()
	for _, op := range []string{"open", "write", "sync", "close", "chmod", "lstat"} {
		faulty := aiofilestest.NewFaulty(mem)
		in := aiofiles.WithFS(ctx, faulty)
		ok(t, aiofiles.WriteFile(in, "/f", []byte("old"), 0o644))
		free := make(chan struct{})
		faulty.Fail(aiofilestest.Fault{Op: op, Hold: free, Times: 1})
		err := aiofiles.WriteFileAtomic(aiofiles.WithLimiter(when(ctx, faulty, op, 1), lim), "/f", []byte("new"), nil)
		gaveUp(t, err)
		close(free)
		faulty.WaitClosed()
		for lim.InUse() > 0 {
			<-time.After(time.Millisecond)
		}
		noTemp(t, in, "WriteFileAtomic given up in "+op)
		if got := must(aiofiles.ReadFile(in, "/f"))(t); string(got) != "old" {
			t.Errorf("given up in %s: the content is %q", op, got)
		}
	}
}

func TestFailedSyncPoisons(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		faulty := newFaulty(t, "old")
		faulty.Fail(aiofilestest.Fault{Op: "sync", Err: syscall.EIO, Times: 1})
		in := aiofiles.WithFS(ctx, faulty)
		f := must(aiofiles.Open(in, "/f", "r+b", nil))(t)
		if err := f.Sync(in); !errors.Is(err, syscall.EIO) {
			t.Errorf("Sync = %v", err)
		}
		err := f.Sync(in)
		if p, found := errors.AsType[*aiofiles.PoisonError](err); !found || p.Op != "sync" || !errors.Is(err, syscall.EIO) {
			t.Errorf("Sync after one that failed = %v", err)
		}
		if n := faulty.Calls("sync"); n != 1 {
			t.Errorf("asked the device %d times", n)
		}
		ok(t, f.Close())

		faulty.Fail(aiofilestest.Fault{Op: "sync", Err: syscall.EIO})
		if err := aiofiles.WriteFileAtomic(in, "/f", []byte("new"), nil); !errors.Is(err, syscall.EIO) {
			t.Errorf("WriteFileAtomic = %v", err)
		}
		a := must(aiofiles.CreateAtomic(in, "/f", "wb", nil))(t)
		must(a.Write(in, []byte("new")))(t)
		if err := a.Commit(in); !errors.Is(err, syscall.EIO) {
			t.Errorf("Commit = %v", err)
		}
		if n := faulty.Calls("sync"); n != 3 {
			t.Errorf("asked the device %d times", n)
		}
		if got := must(aiofiles.ReadFile(in, "/f"))(t); string(got) != "old" {
			t.Errorf("content %q", got)
		}
		if entries := must(aiofiles.ReadDir(in, "/"))(t); len(entries) != 2 { // f and the folder for temporary files
			t.Errorf("left behind: %v", entries)
		}
	})
}

func TestFullDisk(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		faulty := newFaulty(t, "")
		faulty.Fail(aiofilestest.Fault{Op: "write", After: 4, Err: syscall.ENOSPC, Times: 1})
		in := aiofiles.WithFS(ctx, faulty)
		f := must(aiofiles.Open(in, "/f", "wb", &aiofiles.OpenOptions{Buffering: 100}))(t)
		must(f.Write(in, []byte("0123456789")))(t)
		if err := f.Flush(in); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Flush = %v", err)
		}
		ok(t, f.Flush(in)) // there is room again, and nothing was lost
		ok(t, f.Close())
		if got := must(aiofiles.ReadFile(in, "/f"))(t); string(got) != "0123456789" {
			t.Errorf("content %q", got)
		}
		faulty.Fail(aiofilestest.Fault{Op: "write", Err: syscall.ENOSPC})
		f = must(aiofiles.Open(in, "/f", "wb", &aiofiles.OpenOptions{Buffering: 100}))(t)
		must(f.Write(in, []byte("lost")))(t)
		if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Close = %v", err)
		}
		faulty.WaitClosed()
	})
	if _, err := os.Stat("/dev/full"); err == nil {
		f := open(t, t.Context(), "/dev/full", "wb", nil)
		if _, err := f.Write(t.Context(), []byte("x")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Write to /dev/full = %v", err)
		}
	}
}

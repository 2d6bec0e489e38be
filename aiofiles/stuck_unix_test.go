//go:build unix

package aiofiles_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
)

// threads is how many threads the process has, 0 where that cannot be told.
func threads() int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	return len(entries)
}

// TestStuckFIFO makes 20,000 calls on FIFOs that nobody opens at the other end, on
// files of one handle, of one each and opening, and gives all of them up at once.
func TestStuckFIFO(t *testing.T) {
	calls := 20_000
	if testing.Short() {
		calls = 2_000
	}
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	before := threads()
	ctx, cancel := context.WithCancelCause(t.Context())
	shared := open(t, t.Context(), name, "rb", nil)
	_ = shared
	var wg, begun sync.WaitGroup
	for i := range calls {
		begun.Add(1)
		wg.Go(func() {
			var err error
			switch {
			case i%100 == 0: // each with a descriptor of its own
				f, openErr := aiofiles.Open(ctx, name, "rb", nil)
				begun.Done()
				if err = openErr; err == nil {
					_, err = f.Read(ctx, make([]byte, 1))
					f.Close()
				}
			default:
				begun.Done()
				_, err = shared.Read(ctx, make([]byte, 1))
			}
			if !errors.Is(err, errGiveUp) {
				t.Errorf("call %d = %v", i, err)
			}
		})
	}
	begun.Wait()
	most := threads()
	start := time.Now()
	cancel(errGiveUp)
	wg.Wait()
	t.Logf("%d calls given up within %v; threads: %d before, %d at most", calls, time.Since(start), before, max(most, threads()))
	if most > before+aiofiles.DefaultThreads+10+runtime.GOMAXPROCS(0) {
		t.Errorf("%d threads, %d before", most, before)
	}
}

// TestNoDescriptors opens files until there are no descriptors left.
func TestNoDescriptors(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Skip(err)
	}
	name := temp(t, "x")
	few := old
	few.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Skip(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)
	var files []*aiofiles.File
	var err error
	for range 100 {
		var f *aiofiles.File
		if f, err = aiofiles.Open(t.Context(), name, "rb", nil); err != nil {
			break
		}
		files = append(files, f)
	}
	_, readErr := aiofiles.ReadFile(t.Context(), name)
	writeErr := aiofiles.WriteFileAtomic(t.Context(), name, []byte("new"), nil)
	_, dirErr := aiofiles.ReadDir(t.Context(), filepath.Dir(name))
	for _, err := range []error{err, readErr, writeErr, dirErr} {
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("without descriptors: %v", err)
		}
	}
	for _, f := range files {
		ok(t, f.Close())
	}
	content(t, name, "x")
	onlyFile(t, name)
}

// TestStd reads and writes files in blocking mode that others share, as the standard
// ones are.
func TestStd(t *testing.T) {
	blocking := func(t *testing.T) (r, w *os.File) {
		var fds [2]int
		if err := syscall.Pipe(fds[:]); err != nil {
			t.Fatal(err)
		}
		r, w = os.NewFile(uintptr(fds[0]), "in"), os.NewFile(uintptr(fds[1]), "out")
		t.Cleanup(func() { r.Close(); w.Close() })
		return r, w
	}
	helpers(t, func(t *testing.T, ctx context.Context) {
		r, w := blocking(t)
		in := must(aiofiles.OpenStd(ctx, r, "r", nil))(t)
		short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		if _, err := in.ReadLine(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ReadLine of nothing = %v", err)
		}
		out := must(aiofiles.OpenStd(ctx, w, "w", &aiofiles.OpenOptions{Encoding: "utf-16-le"}))(t)
		must(out.WriteString(ctx, "l1\n"))(t)
		ok(t, out.Close())
		if _, err := w.WriteString("l2\nrest"); err != nil { // Close left it open
			t.Error(err)
		}
		ok(t, w.Close())
		if line := must(in.ReadLine(ctx))(t); line != "l\x001\x00\n" {
			t.Errorf("ReadLine = %q", line)
		}
		if text := must(in.ReadText(ctx, -1))(t); text != "\x00l2\nrest" {
			t.Errorf("ReadText = %q", text)
		}
		ok(t, in.Close())
		if _, err := r.Stat(); err != nil {
			t.Errorf("Close closed the descriptor: %v", err)
		}
	})
	t.Run("full", func(t *testing.T) {
		r, w := blocking(t)
		out := must(aiofiles.OpenStd(t.Context(), w, "wb", nil))(t)
		short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		n, err := out.Write(short, make([]byte, 1<<20))
		if !errors.Is(err, context.DeadlineExceeded) || n >= 1<<20 {
			t.Errorf("Write to a full pipe = %d, %v", n, err)
		}
		ok(t, out.Close())
		ok(t, w.Close())
		if got := must(io.ReadAll(r))(t); len(got) != n {
			t.Errorf("%d bytes arrived, %d were told", len(got), n)
		}
	})
	t.Run("close interrupts", func(t *testing.T) {
		r, _ := blocking(t)
		in := must(aiofiles.OpenStd(t.Context(), r, "rb", nil))(t)
		failed := make(chan error)
		go func() {
			_, err := in.ReadAll(context.WithoutCancel(t.Context()))
			failed <- err
		}()
		<-time.After(time.Millisecond)
		ok(t, in.Close())
		if err := <-failed; !errors.Is(err, os.ErrClosed) {
			t.Errorf("ReadAll that Close interrupted = %v", err)
		}
	})
	t.Run("regular", func(t *testing.T) {
		name := temp(t, "one\ntwo\n")
		f := must(os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0))(t)
		defer f.Close()
		ctx := t.Context()
		in := must(aiofiles.OpenStd(ctx, f, "r", nil))(t)
		if line := must(in.ReadLine(ctx))(t); line != "one\n" {
			t.Errorf("ReadLine = %q", line)
		}
		out := must(aiofiles.OpenStd(ctx, f, "w", nil))(t)
		must(out.WriteString(ctx, "three\n"))(t)
		if _, err := f.WriteString("four\n"); err != nil {
			t.Error(err)
		}
		content(t, name, "one\ntwo\nthree\nfour\n")
	})
	t.Run("wrap", func(t *testing.T) {
		name := temp(t, "0123456789")
		ctx := t.Context()
		g := must(os.OpenFile(name, os.O_RDWR, 0))(t)
		if _, err := g.Seek(4, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		f := must(aiofiles.Wrap(ctx, g, "r+b", nil))(t)
		if b := must(f.ReadN(ctx, 2))(t); !bytes.Equal(b, []byte("45")) {
			t.Errorf("ReadN = %q", b)
		}
		must(f.Write(ctx, []byte("X")))(t)
		ok(t, f.Close())
		if _, err := g.Stat(); err == nil {
			t.Error("Close did not close the descriptor")
		}
		content(t, name, "012345X789")
	})
	for _, std := range []func(context.Context) (*aiofiles.File, error){aiofiles.Stdin, aiofiles.Stdout, aiofiles.Stderr} {
		ok(t, must(std(t.Context()))(t).Close())
	}
}

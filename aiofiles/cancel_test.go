package aiofiles_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

// A stuckFS is the machine's file system with calls that wait until free is closed.
type stuckFS struct {
	aiofiles.FS
	stuck func(op string) bool
	free  chan struct{}
	met   chan string // gets the operation that waits

	mu    sync.Mutex // guards following
	open  int
	names []string // of the files that were opened
}

func newStuckFS(ops ...string) *stuckFS {
	s := &stuckFS{FS: aiofiles.OS, free: make(chan struct{}), met: make(chan string, 100)}
	s.stuck = func(op string) bool {
		return slices.Contains(ops, op)
	}
	return s
}

func (s *stuckFS) wait(op string) {
	if s.stuck(op) {
		s.met <- op
		<-s.free
	}
}

func (s *stuckFS) OpenFile(name string, flag int, perm fs.FileMode) (aiofiles.Handle, error) {
	s.wait("open")
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.open++
	s.names = append(s.names, name)
	s.mu.Unlock()
	return &stuckFile{f, s}, nil
}

// left waits until no file is open any more.
func (s *stuckFS) left(t *testing.T) {
	t.Helper()
	for range 1000 {
		s.mu.Lock()
		n := s.open
		s.mu.Unlock()
		if n == 0 {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Error("a file stays open")
}

type stuckFile struct {
	*os.File
	fs *stuckFS
}

func (f *stuckFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.wait("read")
	return f.File.ReadAt(p, off)
}

func (f *stuckFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.wait("write")
	return f.File.WriteAt(p, off)
}

func (f *stuckFile) Sync() error {
	f.fs.wait("sync")
	return f.File.Sync()
}

func (f *stuckFile) Close() error {
	f.fs.mu.Lock()
	f.fs.open--
	f.fs.mu.Unlock()
	return f.File.Close()
}

// helpers runs test on a goroutine and in a task, with calls that can be given up.
func helpers(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) { caller(t, test) })
	}
}

// helpersBeside is helpers for what mostly waits: it runs beside other tests.
func helpersBeside(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Parallel()
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller(t, test)
		})
	}
}

var callers = map[string]func(t *testing.T, test func(t *testing.T, ctx context.Context)){
	"caller=goroutine": func(t *testing.T, test func(t *testing.T, ctx context.Context)) { test(t, t.Context()) },
	"caller=task": func(t *testing.T, test func(t *testing.T, ctx context.Context)) {
		if _, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			test(t, ctx)
			return 0, nil
		}, nil); err != nil {
			t.Error(err)
		}
	},
}

var errGiveUp = errors.New("enough")

// giveUp returns a context that ends once s has a call that waits.
func (s *stuckFS) giveUp(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		<-s.met
		cancel(errGiveUp)
	}()
	return ctx
}

func gaveUp(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errGiveUp) {
		t.Errorf("error = %v, want the cause of the context", err)
	}
}

func TestOpenGivenUp(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		s := newStuckFS("open")
		_, err := aiofiles.Open(aiofiles.WithFS(s.giveUp(ctx), s), temp(t, "x"), "rb", nil)
		gaveUp(t, err)
		close(s.free)
		s.left(t)
	})
}

func TestReadGivenUp(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		s := newStuckFS("read")
		f := must(aiofiles.Open(aiofiles.WithFS(ctx, s), temp(t, "0123456789"), "rb", nil))(t)
		p := bytes.Repeat([]byte{0xDD}, 8)
		n, err := f.Read(s.giveUp(ctx), p)
		gaveUp(t, err)
		q := bytes.Repeat([]byte{0xDD}, 8)
		m, atErr := f.ReadAt(s.giveUp(ctx), q, 2)
		_ = atErr
		close(s.free)
		if b, err := f.ReadAll(ctx); string(b) != "0123456789" || err != nil {
			t.Errorf("after a read that was given up: %q, %v", b, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		poison := bytes.Repeat([]byte{0xDD}, 8)
		if n != 0 || m != 0 || !bytes.Equal(p, poison) || !bytes.Equal(q, poison) {
			t.Errorf("the caller's memory was touched: %d %x, %d %x", n, p, m, q)
		}
		s.left(t)
	})
}

func TestWriteGivenUpPoisons(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		s := newStuckFS("write")
		name := temp(t, "")
		f := must(aiofiles.Open(aiofiles.WithFS(ctx, s), name, "wb", nil))(t)
		p := []byte("before")
		_, err := f.Write(s.giveUp(ctx), p)
		gaveUp(t, err)
		copy(p, "after!")
		close(s.free)
		_, err = f.Write(ctx, p)
		if poison, ok := errors.AsType[*aiofiles.PoisonError](err); !ok || poison.Op != "write" || !errors.Is(err, errGiveUp) {
			t.Errorf("Write after one that was given up = %v", err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		content(t, name, "before")
		s.left(t)
	})
}

func TestCloseAfterTheEnd(t *testing.T) {
	helpersBeside(t, func(t *testing.T, ctx context.Context) {
		s := newStuckFS("read")
		ending := s.giveUp(aiofiles.WithFS(ctx, s))
		f := must(aiofiles.Open(ending, temp(t, "x"), "rb", nil))(t)
		_, err := f.ReadAll(ending)
		gaveUp(t, err)
		gaveUp(t, f.Close())
		close(s.free)
		s.left(t)
	})
}

// TestSlowOpenStallsNobody has a task whose open hangs, beside one that goes on.
func TestSlowOpenStallsNobody(t *testing.T) {
	s := newStuckFS("open")
	name := temp(t, "content")
	_, err := asyncio.Run(aiofiles.WithFS(t.Context(), s), func(ctx context.Context) (int, error) {
		slow := asyncio.Go(ctx, func(ctx context.Context) ([]byte, error) { return aiofiles.ReadFile(ctx, name) })
		for range 100 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return 0, err
			}
		}
		<-s.met
		if slow.Done() {
			t.Error("the call did not hang")
		}
		close(s.free)
		data, err := asyncio.Await(ctx, slow)
		if string(data) != "content" {
			t.Errorf("read %q", data)
		}
		return 0, err
	}, nil)
	ok(t, err)
	s.left(t)
}

// TestCloseWithoutAPlace closes a file after the end of its context while every place
// of its limiter is taken: it is closed when one is free.
func TestCloseWithoutAPlace(t *testing.T) {
	helpersBeside(t, func(t *testing.T, ctx context.Context) {
		s := newStuckFS("read")
		lim := aiofiles.NewLimiter(1)
		ctx = aiofiles.WithLimiter(aiofiles.WithFS(ctx, s), lim)
		name := temp(t, "x")
		ending, cancel := context.WithCancelCause(ctx)
		f := must(aiofiles.Open(ending, name, "rb", nil))(t)
		g := must(aiofiles.Open(ctx, name, "rb", nil))(t)
		_, err := g.Read(s.giveUp(ctx), make([]byte, 1)) // has the place
		gaveUp(t, err)
		cancel(errGiveUp)
		gaveUp(t, f.Close())
		close(s.free)
		ok(t, g.Close())
		s.left(t)
	})
}

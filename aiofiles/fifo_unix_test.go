//go:build unix

package aiofiles_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
)

func TestFIFO(t *testing.T) {
	fifo := func(t *testing.T) string {
		name := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Run("read", func(t *testing.T) {
		helpers(t, func(t *testing.T, ctx context.Context) {
			name := fifo(t)
			f := open(t, ctx, name, "r", nil)
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			if _, err := f.ReadLine(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("read that nobody answers = %v", err)
			}
			w := open(t, ctx, name, "w", nil)
			must(w.WriteString(ctx, "half "))(t)
			short, cancel = context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			if _, err := f.ReadLine(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("half a line = %v", err)
			}
			must(w.WriteString(ctx, "line\n"))(t)
			if line, err := f.ReadLine(ctx); line != "half line\n" || err != nil {
				t.Errorf("ReadLine = %q, %v", line, err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if b, err := f.ReadAll(ctx); len(b) != 0 || err != nil {
				t.Errorf("after the writer closed: %q, %v", b, err)
			}
			if _, err := f.Seek(ctx, 0, 0); !errors.Is(err, aiofiles.ErrNotSeekable) || f.Seekable() {
				t.Errorf("Seek = %v", err)
			}
		})
	})
	t.Run("open for writing", func(t *testing.T) {
		helpers(t, func(t *testing.T, ctx context.Context) {
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			defer cancel()
			if _, err := aiofiles.Open(short, fifo(t), "wb", nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open without a reader = %v", err)
			}
		})
	})
	t.Run("several writers wait for the first reader", func(t *testing.T) {
		name := fifo(t)
		const writers = 20
		opened := make(chan error, writers)
		for i := range writers {
			ctx := t.Context()
			if i%2 == 0 { // these do not wait for so long
				short, cancel := context.WithTimeout(ctx, time.Duration(i)*time.Millisecond/4)
				defer cancel()
				ctx = short
			}
			go func() {
				w, err := aiofiles.Open(ctx, name, "wb", nil)
				if err == nil {
					_, err = w.Write(t.Context(), []byte{byte(i)})
					err = errors.Join(err, w.Close())
				}
				opened <- err
			}()
		}
		for range writers / 2 {
			if err := <-opened; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open without a reader = %v", err)
			}
		}
		r := open(t, t.Context(), name, "rb", nil)
		for range writers / 2 {
			ok(t, <-opened)
		}
		if got := must(r.ReadAll(t.Context()))(t); len(got) != writers/2 {
			t.Errorf("%d of %d writers came", len(got), writers/2)
		}
	})
	t.Run("close interrupts", func(t *testing.T) {
		f := must(aiofiles.Open(t.Context(), fifo(t), "rb", nil))(t)
		failed := make(chan error)
		go func() {
			_, err := f.ReadAll(context.WithoutCancel(t.Context()))
			failed <- err
		}()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := <-failed; !errors.Is(err, fs.ErrClosed) {
			t.Errorf("read that Close interrupted = %v", err)
		}
	})
	t.Run("full", func(t *testing.T) {
		helpers(t, func(t *testing.T, ctx context.Context) {
			name := fifo(t)
			r := open(t, ctx, name, "rb", nil)
			w := open(t, ctx, name, "wb", nil)
			short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			defer cancel()
			n, err := w.Write(short, make([]byte, 1<<20))
			if !errors.Is(err, context.DeadlineExceeded) || n >= 1<<20 {
				t.Errorf("Write to a full pipe = %d, %v", n, err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if b := must(r.ReadAll(ctx))(t); len(b) != n {
				t.Errorf("Write told %d bytes, %d arrived", n, len(b))
			}
		})
	})
}

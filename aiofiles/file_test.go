package aiofiles_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

// engines runs test under each way a call can be made: in place, on a helper that
// can be given up, and from a task of a loop.
func engines(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	t.Run("engine=place", func(t *testing.T) { test(t, context.Background()) })
	t.Run("engine=helper", func(t *testing.T) { test(t, t.Context()) })
	t.Run("engine=task", func(t *testing.T) {
		_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			test(t, ctx)
			return 0, nil
		}, nil)
		if err != nil {
			t.Error(err)
		}
	})
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t testing.TB, ctx context.Context, name, mode string, opts *aiofiles.OpenOptions) *aiofiles.File {
	t.Helper()
	f := must(aiofiles.Open(ctx, name, mode, opts))(t)
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t testing.TB, name, want string) {
	t.Helper()
	if got := string(must(os.ReadFile(name))(t)); got != want {
		t.Errorf("%s holds %q, want %q", filepath.Base(name), got, want)
	}
}

func temp(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestModes(t *testing.T) {
	for _, tc := range []struct {
		mode     string
		read     string // "" or what ReadAll gives, "-" for not readable
		write    bool
		after    string // of "old" and writing "N"
		exists   error  // with the file there
		notThere error  // without it
	}{
		{mode: "rb", read: "old", after: "old", notThere: fs.ErrNotExist},
		{mode: "r", read: "old", after: "old", notThere: fs.ErrNotExist},
		{mode: "", read: "old", after: "old", notThere: fs.ErrNotExist},
		{mode: "r+b", read: "old", write: true, after: "Nld", notThere: fs.ErrNotExist},
		{mode: "rb+", read: "old", write: true, after: "Nld", notThere: fs.ErrNotExist},
		{mode: "wb", read: "-", write: true, after: "N"},
		{mode: "w+", read: "", write: true, after: "N"},
		{mode: "ab", read: "-", write: true, after: "oldN"},
		{mode: "a+", read: "old", write: true, after: "oldN"},
		{mode: "xb", read: "-", write: true, after: "N", exists: fs.ErrExist},
		{mode: "x+t", read: "", write: true, after: "N", exists: fs.ErrExist},
	} {
		t.Run("mode="+tc.mode, func(t *testing.T) {
			engines(t, func(t *testing.T, ctx context.Context) {
				name := temp(t, "old")
				missing := filepath.Join(t.TempDir(), "g")
				g, err := aiofiles.Open(ctx, missing, tc.mode, nil)
				if !errors.Is(err, tc.notThere) {
					t.Errorf("Open of a missing file = %v, want %v", err, tc.notThere)
				}
				if err == nil {
					g.Close()
				}
				f, err := aiofiles.Open(ctx, name, tc.mode, nil)
				if !errors.Is(err, tc.exists) {
					t.Fatalf("Open = %v, want %v", err, tc.exists)
				}
				if err != nil {
					return
				}
				defer f.Close()
				if _, err := f.Seek(ctx, 0, io.SeekStart); err != nil {
					t.Fatal(err)
				}
				data, err := f.ReadAll(ctx)
				if tc.read == "-" {
					if !errors.Is(err, aiofiles.ErrNotReadable) {
						t.Errorf("ReadAll = %v", err)
					}
				} else if err != nil || string(data) != tc.read {
					t.Errorf("ReadAll = %q, %v; want %q", data, err, tc.read)
				}
				if _, err := f.Seek(ctx, 0, io.SeekStart); err != nil {
					t.Fatal(err)
				}
				n, err := f.Write(ctx, []byte("N"))
				if tc.write != (err == nil && n == 1) || !tc.write && !errors.Is(err, aiofiles.ErrNotWritable) {
					t.Errorf("Write = %d, %v", n, err)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
				content(t, name, tc.after)
			})
		})
	}
}

func TestModeErrors(t *testing.T) {
	utf8 := &aiofiles.OpenOptions{Encoding: "utf-8"}
	for _, tc := range []struct {
		mode string
		opts *aiofiles.OpenOptions
		want error
	}{
		{"b", nil, aiofiles.ErrMode},
		{"rw", nil, aiofiles.ErrMode},
		{"rbt", nil, aiofiles.ErrMode},
		{"rr", nil, aiofiles.ErrMode},
		{"U", nil, aiofiles.ErrMode},
		{"+", nil, aiofiles.ErrMode},
		{"rb", utf8, aiofiles.ErrMode},
		{"rb", &aiofiles.OpenOptions{Errors: "strict"}, aiofiles.ErrMode},
		{"rb", &aiofiles.OpenOptions{Newline: aiofiles.NewlineLF}, aiofiles.ErrMode},
		{"r", &aiofiles.OpenOptions{Buffering: aiofiles.Unbuffered}, aiofiles.ErrMode},
		{"r", &aiofiles.OpenOptions{Encoding: "klingon"}, aiofiles.ErrEncoding},
		{"r", &aiofiles.OpenOptions{Errors: "shrug"}, aiofiles.ErrEncoding},
		{"r", &aiofiles.OpenOptions{Newline: 9}, aiofiles.ErrMode},
	} {
		_, err := aiofiles.Open(t.Context(), temp(t, ""), tc.mode, tc.opts)
		var path *fs.PathError
		if !errors.Is(err, tc.want) || !errors.As(err, &path) {
			t.Errorf("Open(%q, %+v) = %v, want %v", tc.mode, tc.opts, err, tc.want)
		}
	}
	if _, err := aiofiles.Open(t.Context(), t.TempDir(), "r", nil); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("Open of a folder = %v", err)
	}
}

func TestReadKinds(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		f := open(t, ctx, temp(t, "one\ntwo\nthree"), "rb", nil)
		if b := must(f.Peek(ctx, 3))(t); string(b) != "one" {
			t.Errorf("Peek = %q", b)
		}
		if b := must(f.ReadN(ctx, 2))(t); string(b) != "on" {
			t.Errorf("ReadN = %q", b)
		}
		if b := must(f.ReadUntil(ctx, []byte("tw")))(t); string(b) != "e\ntw" {
			t.Errorf("ReadUntil = %q", b)
		}
		if s := must(f.ReadLine(ctx))(t); s != "o\n" {
			t.Errorf("ReadLine = %q", s)
		}
		p := make([]byte, 3)
		if n, err := f.ReadAt(ctx, p, 4); n != 3 || err != nil || string(p) != "two" {
			t.Errorf("ReadAt = %d, %v, %q", n, err, p)
		}
		if n, err := f.ReadAt(ctx, make([]byte, 9), 10); n != 3 || err != io.EOF {
			t.Errorf("ReadAt over the end = %d, %v", n, err)
		}
		if pos := must(f.Tell(ctx))(t); pos != 8 {
			t.Errorf("Tell = %d", pos)
		}
		if b := must(f.ReadAll(ctx))(t); string(b) != "three" {
			t.Errorf("ReadAll = %q", b)
		}
		if b, err := f.ReadAll(ctx); len(b) != 0 || err != nil {
			t.Errorf("ReadAll at the end = %q, %v", b, err)
		}
		if n, err := f.Read(ctx, p); n != 0 || err != io.EOF {
			t.Errorf("Read at the end = %d, %v", n, err)
		}
		if _, err := f.Seek(ctx, -1, io.SeekStart); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Seek(-1) = %v", err)
		}
		if pos := must(f.Seek(ctx, -5, io.SeekEnd))(t); pos != 8 {
			t.Errorf("Seek = %d", pos)
		}
		if n, err := f.Read(ctx, p); string(p[:n]) != "thr" || err != nil {
			t.Errorf("Read = %q, %v", p[:n], err)
		}
	})
}

func TestReaderView(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789\n", 5000)
	engines(t, func(t *testing.T, ctx context.Context) {
		f := open(t, ctx, temp(t, text), "rb", nil)
		if err := iotest.TestReader(f.Stream(ctx), []byte(text)); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseThenUse(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		f := open(t, ctx, temp(t, "x"), "r+b", nil)
		if err := errors.Join(f.Close(), f.Close()); err != nil {
			t.Error(err)
		}
		p := make([]byte, 1)
		_, readErr := f.Read(ctx, p)
		_, writeErr := f.Write(ctx, p)
		_, seekErr := f.Seek(ctx, 0, 0)
		_, atErr := f.ReadAt(ctx, p, 0)
		_, lineErr := f.ReadLine(ctx)
		for _, err := range []error{readErr, writeErr, seekErr, atErr, lineErr, f.Sync(ctx), f.Truncate(ctx, 0)} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		if !f.Closed() || f.Fd() != -1 {
			t.Errorf("Closed() = %v, Fd() = %d", f.Closed(), f.Fd())
		}
	})
}

func TestDetach(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "0123456789")
		f := must(aiofiles.Open(ctx, name, "r+b", &aiofiles.OpenOptions{Buffering: 100}))(t)
		must(f.WriteString(ctx, "ab"))(t)
		h := must(f.Detach(ctx))(t)
		if _, err := f.ReadAll(ctx); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("ReadAll after Detach = %v", err)
		}
		ok(t, f.Close())
		p := make([]byte, 10)
		if n, err := h.ReadAt(p, 0); string(p[:n]) != "ab23456789" || err != nil {
			t.Errorf("the handle reads %q, %v", p[:n], err)
		}
		ok(t, h.Close())
	})
}

func TestAttributes(t *testing.T) {
	ctx := t.Context()
	name := temp(t, "x")
	f := open(t, ctx, name, "rb+", nil)
	if f.Name() != name || f.Mode() != "rb+" || !f.Readable() || !f.Writable() || !f.Seekable() || f.Closed() || f.Encoding() != "" || f.Fd() < 0 {
		t.Error("attributes of a binary file are wrong")
	}
	g := open(t, ctx, name, "a", &aiofiles.OpenOptions{Encoding: "L1"})
	if g.Readable() || !g.Writable() || g.Encoding() != "iso8859-1" {
		t.Error("attributes of a text file are wrong")
	}
}

func TestWriteBuffering(t *testing.T) {
	for _, tc := range []struct {
		name      string
		buffering int
		seen      []string // after "a", "b\n", "cdefgh"
	}{
		{"default", 0, []string{"a", "ab\n", "ab\ncdefgh"}},
		{"line", aiofiles.LineBuffered, []string{"", "ab\n", "ab\n"}},
		{"size=4", 4, []string{"", "", "ab\ncdefgh"}},
		{"size=100", 100, []string{"", "", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			engines(t, func(t *testing.T, ctx context.Context) {
				name := temp(t, "")
				f := open(t, ctx, name, "w", &aiofiles.OpenOptions{Buffering: tc.buffering})
				for i, s := range []string{"a", "b\n", "cdefgh"} {
					must(f.WriteString(ctx, s))(t)
					content(t, name, tc.seen[i])
				}
				if err := f.Flush(ctx); err != nil {
					t.Error(err)
				}
				content(t, name, "ab\ncdefgh")
				must(f.WriteString(ctx, "!"))(t)
				if err := f.Close(); err != nil {
					t.Error(err)
				}
				content(t, name, "ab\ncdefgh!")
			})
		})
	}
}

func TestTextLines(t *testing.T) {
	bytes := "a\r\nb\rc\nd\r"
	for _, tc := range []struct {
		newline aiofiles.Newline
		want    []string
		written string // of "a\nb\r\nc\r"
	}{
		{aiofiles.UniversalNewline, []string{"a\n", "b\n", "c\n", "d\n"}, "a\nb\r\nc\r"},
		{aiofiles.KeepNewline, []string{"a\r\n", "b\r", "c\n", "d\r"}, "a\nb\r\nc\r"},
		{aiofiles.NewlineLF, []string{"a\r\n", "b\rc\n", "d\r"}, "a\nb\r\nc\r"},
		{aiofiles.NewlineCR, []string{"a\r", "\nb\r", "c\nd\r"}, "a\rb\r\rc\r"},
		{aiofiles.NewlineCRLF, []string{"a\r\n", "b\rc\nd\r"}, "a\r\nb\r\r\nc\r"},
	} {
		engines(t, func(t *testing.T, ctx context.Context) {
			opts := &aiofiles.OpenOptions{Newline: tc.newline}
			f := open(t, ctx, temp(t, bytes), "r", opts)
			if diff := cmp.Diff(tc.want, must(f.ReadLines(ctx))(t)); diff != "" {
				t.Errorf("newline %d: lines (-want +got):\n%s", tc.newline, diff)
			}
			name := temp(t, "")
			if err := aiofiles.WriteText(ctx, name, "a\nb\r\nc\r", opts); err != nil {
				t.Error(err)
			}
			content(t, name, tc.written)
		})
	}
}

func TestLongLinesAndTell(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 40 {
		b.WriteString(strings.Repeat("é€x", i*47%900) + "\r\n")
	}
	for _, encoding := range []string{"utf-8", "utf-16", "utf-8-sig"} {
		engines(t, func(t *testing.T, ctx context.Context) {
			opts := &aiofiles.OpenOptions{Encoding: encoding, Newline: aiofiles.KeepNewline}
			name := temp(t, "")
			if err := aiofiles.WriteText(ctx, name, b.String(), opts); err != nil {
				t.Fatal(err)
			}
			f := open(t, ctx, name, "r", &aiofiles.OpenOptions{Encoding: encoding})
			var lines []string
			var places []int64
			for {
				place := must(f.Tell(ctx))(t)
				line, err := f.ReadLine(ctx)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				lines, places = append(lines, line), append(places, place)
			}
			if got, want := strings.Join(lines, ""), strings.ReplaceAll(b.String(), "\r\n", "\n"); got != want {
				t.Fatalf("%s: read %d bytes of text, want %d", encoding, len(got), len(want))
			}
			for i := len(places) - 1; i >= 0; i -= 3 {
				must(f.Seek(ctx, places[i], io.SeekStart))(t)
				if line := must(f.ReadLine(ctx))(t); line != lines[i] {
					t.Errorf("%s: line at %d = %.20q, want %.20q", encoding, places[i], line, lines[i])
				}
			}
		})
	}
}

func TestSameFileFromManyGoroutines(t *testing.T) {
	ctx := t.Context()
	name := temp(t, "")
	f := open(t, ctx, name, "wb", nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 50 {
				if _, err := f.WriteString(ctx, "0123456789\n"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	content(t, name, strings.Repeat("0123456789\n", 1000))
}

package aiofiles_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

func TestCharacters(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		f := open(t, ctx, temp(t, "héllo€"), "r", nil)
		for _, tc := range []struct {
			n    int
			want string
		}{{2, "hé"}, {0, ""}, {1, "l"}, {-1, "lo€"}} {
			if s, err := f.ReadText(ctx, tc.n); s != tc.want || err != nil {
				t.Errorf("ReadText(%d) = %q, %v; want %q", tc.n, s, err, tc.want)
			}
		}
		if _, err := f.ReadText(ctx, 1); err != io.EOF {
			t.Errorf("ReadText at the end = %v", err)
		}
		if _, err := f.Seek(ctx, -1, io.SeekEnd); !errors.Is(err, aiofiles.ErrNotSeekable) {
			t.Errorf("Seek by a distance = %v", err)
		}
		if _, err := f.Peek(ctx, 1); !errors.Is(err, aiofiles.ErrTextMode) {
			t.Errorf("Peek of text = %v", err)
		}
		if _, err := f.ReadUntil(ctx, []byte("l")); !errors.Is(err, aiofiles.ErrTextMode) {
			t.Errorf("ReadUntil of text = %v", err)
		}
	})
}

func TestLineTooLong(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "1234\n12345\nend")
		opts := &aiofiles.OpenOptions{MaxLineBytes: 5}
		for _, mode := range []string{"r", "rb"} {
			f := open(t, ctx, name, mode, opts)
			if line := must(f.ReadLine(ctx))(t); line != "1234\n" {
				t.Errorf("mode %s: a line of the limit = %q", mode, line)
			}
			for range 2 { // it passes nothing
				if _, err := f.ReadLine(ctx); !errors.Is(err, aiofiles.ErrLineTooLong) {
					t.Errorf("mode %s: ReadLine = %v", mode, err)
				}
			}
			for line, err := range f.Lines(ctx) {
				if line != "" || !errors.Is(err, aiofiles.ErrLineTooLong) {
					t.Errorf("mode %s: Lines gives %q, %v", mode, line, err)
				}
			}
			if b := must(f.ReadN(ctx, 6))(t); string(b) != "12345\n" {
				t.Errorf("mode %s: ReadN after it = %q", mode, b)
			}
			if line := must(f.ReadLine(ctx))(t); line != "end" {
				t.Errorf("mode %s: the last line = %q", mode, line)
			}
		}
		f := open(t, ctx, name, "rb", opts)
		if _, err := f.ReadUntil(ctx, []byte("3\n1")); !errors.Is(err, aiofiles.ErrLineTooLong) {
			t.Errorf("ReadUntil = %v", err)
		}
		long := open(t, ctx, temp(t, strings.Repeat("x", 1<<20)+"\n"), "r", &aiofiles.OpenOptions{MaxLineBytes: -1})
		if line := must(long.ReadLine(ctx))(t); len(line) != 1<<20+1 {
			t.Errorf("a line without a limit has %d bytes", len(line))
		}
	})
}

func TestLineBytes(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "a\r\nb\nend")
		for mode, want := range map[string]string{"r": "a\n|b\n|end|", "rb": "a\r\n|b\n|end|"} {
			f := open(t, ctx, name, mode, nil)
			var got strings.Builder
			for line, err := range f.LineBytes(ctx) {
				ok(t, err)
				got.Write(append(line, '|'))
				clear(line) // it is ours until the loop goes on, and append did not reach behind it
			}
			if got.String() != want {
				t.Errorf("mode %s: %q, want %q", mode, got.String(), want)
			}
		}
	})
}

func TestWriteLines(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "")
		f := open(t, ctx, name, "w", &aiofiles.OpenOptions{Newline: aiofiles.NewlineCRLF})
		ok(t, f.WriteLines(ctx, "one", "two\n", "", "thrée\n"))
		ok(t, f.WriteLines(ctx))
		if n := must(f.WriteString(ctx, "é\n"))(t); n != 3 {
			t.Errorf("WriteString = %d, want the bytes that it was given", n)
		}
		content(t, name, "onetwo\r\nthrée\r\né\r\n")
	})
}

func TestPositioned(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "0123456789")
		f := open(t, ctx, name, "r+b", nil)
		must(f.Seek(ctx, 4, io.SeekStart))(t)
		a, b := make([]byte, 3), make([]byte, 2)
		if n, err := f.ReadVec(ctx, [][]byte{a, nil, b}, 2); n != 5 || err != nil || string(a)+string(b) != "23456" {
			t.Errorf("ReadVec = %d, %v, %q %q", n, err, a, b)
		}
		if n, err := f.ReadVec(ctx, [][]byte{a, b}, 7); n != 3 || err != io.EOF || string(a) != "789" {
			t.Errorf("ReadVec over the end = %d, %v, %q", n, err, a)
		}
		if n, err := f.WriteVec(ctx, [][]byte{[]byte("AB"), []byte("C")}, 1); n != 3 || err != nil {
			t.Errorf("WriteVec = %d, %v", n, err)
		}
		if n, err := f.WriteAt(ctx, []byte("Z"), 12); n != 1 || err != nil {
			t.Errorf("WriteAt = %d, %v", n, err)
		}
		if pos := must(f.Tell(ctx))(t); pos != 4 {
			t.Errorf("after them the position is %d", pos)
		}
		ok(t, f.Truncate(ctx, 14))
		if pos := must(f.Tell(ctx))(t); pos != 4 {
			t.Errorf("after Truncate the position is %d", pos)
		}
		ok(t, f.SyncData(ctx))
		if rest := must(f.ReadAll(ctx))(t); string(rest) != "456789\x00\x00Z\x00" {
			t.Errorf("ReadAll = %q", rest)
		}
		_, readErr := f.ReadAt(ctx, a, -1)
		_, writeErr := f.WriteAt(ctx, a, -1)
		if !errors.Is(readErr, fs.ErrInvalid) || !errors.Is(writeErr, fs.ErrInvalid) {
			t.Errorf("at -1: %v, %v", readErr, writeErr)
		}
		content(t, name, "0ABC456789\x00\x00Z\x00")
	})
}

func TestSyncDataIsOneCall(t *testing.T) {
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	ctx := aiofiles.WithFS(t.Context(), faulty)
	f := open(t, ctx, "/f", "wb", &aiofiles.OpenOptions{Buffering: 100})
	must(f.Write(ctx, []byte("x")))(t)
	ok(t, f.SyncData(ctx))
	if faulty.Calls("write") != 1 || faulty.Calls("sync") != 1 {
		t.Errorf("%d writes, %d syncs", faulty.Calls("write"), faulty.Calls("sync"))
	}
	faulty.Fail(aiofilestest.Fault{Op: "sync", Err: syscall.EIO, Times: 1})
	if err := f.SyncData(ctx); !errors.Is(err, syscall.EIO) {
		t.Errorf("SyncData = %v", err)
	}
	if _, poisoned := errors.AsType[*aiofiles.PoisonError](f.SyncData(ctx)); !poisoned {
		t.Error("a failed SyncData did not poison the file")
	}
}

// TestRenameOnto renames onto what is there already.
func TestRenameOnto(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "r")
		tree(t, ctx, dir, "file", "other", "empty/", "full/x")
		in := func(name string) string { return filepath.Join(dir, name) }
		for _, tc := range []struct {
			from, to string
			want     error
		}{
			{"file", "empty", fs.ErrExist},
			{"full", "file", syscall.ENOTDIR},
			{"empty", "full", fs.ErrExist},
			{"full", "empty", fs.ErrExist},
			{"none", "file", fs.ErrNotExist},
			{"file", "other", nil},
		} {
			if err := aiofiles.Rename(ctx, in(tc.from), in(tc.to)); !errors.Is(err, tc.want) {
				t.Errorf("Rename(%s, %s) = %v, want %v", tc.from, tc.to, err, tc.want)
			}
		}
		if data := must(aiofiles.ReadFile(ctx, in("other")))(t); string(data) != "file" {
			t.Errorf("the file that was replaced holds %q", data)
		}
	})
}

func TestMoveAcross(t *testing.T) {
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	faulty.Fail(aiofilestest.Fault{Op: "rename", Err: syscall.EXDEV})
	ctx := aiofiles.WithFS(t.Context(), faulty)
	tree(t, ctx, "/src", "a/f", "link→a")
	ok(t, aiofiles.Move(ctx, "/src", "/dst", nil))
	if got := strings.Join(walked(t, ctx, "/dst", &aiofiles.WalkOptions{Sorted: true}), "; "); got != ".: a/ link; a: f" {
		t.Errorf("what arrived: %s", got)
	}
	if there := must(aiofiles.Exists(ctx, "/src"))(t); there {
		t.Error("what was moved is still there")
	}
	tree(t, ctx, "/into", "dst/")
	if err := aiofiles.Move(ctx, "/dst", "/into", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Move onto a name in a folder = %v", err)
	}
}

func TestTouchMakes(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		name := filepath.Join(dir, "new")
		ok(t, aiofiles.Touch(ctx, name, 0o600))
		if info := must(aiofiles.Stat(ctx, name))(t); info.Size() != 0 || info.Mode() != 0o600 {
			t.Errorf("Touch made %v of %d bytes", info.Mode(), info.Size())
		}
		write(t, ctx, name, "text")
		ok(t, aiofiles.Touch(ctx, name, 0o600))
		if size := must(aiofiles.Size(ctx, name))(t); size != 4 {
			t.Errorf("Touch left %d bytes", size)
		}
	})
}

func TestTempDirKeep(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		d := must(aiofiles.TempDir(ctx, &aiofiles.TempOptions{Dir: dir, Prefix: "p-", Suffix: ".d", Keep: true}))(t)
		ok(t, d.Close())
		if base := filepath.Base(d.Path); !strings.HasPrefix(base, "p-") || !strings.HasSuffix(base, ".d") {
			t.Errorf("name %q", base)
		}
		ok(t, aiofiles.Remove(ctx, d.Path))
	})
}

func TestCopyToSocket(t *testing.T) {
	ctx := t.Context()
	text := strings.Repeat("0123456789\n", 20_000)
	f := open(t, ctx, temp(t, text), "rb", nil)
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn)
		got <- string(all)
	}()
	conn := must(net.Dial("tcp", l.Addr().String()))(t)
	if n, err := io.Copy(conn, f.Stream(ctx)); n != int64(len(text)) || err != nil {
		t.Errorf("Copy = %d, %v", n, err)
	}
	ok(t, conn.Close())
	if arrived := <-got; arrived != text {
		t.Errorf("%d bytes arrived, not the %d of the file", len(arrived), len(text))
	}
}

// TestScanDirInParts leaves a large folder early, and never reads the rest of it.
func TestScanDirInParts(t *testing.T) {
	faulty := aiofilestest.NewFaulty(aiofilestest.NewMem())
	ctx := aiofiles.WithFS(t.Context(), faulty)
	for i := range 2000 {
		write(t, ctx, fmt.Sprintf("/%04d", i), "")
	}
	for _, err := range aiofiles.ScanDir(ctx, "/") {
		ok(t, err)
		break
	}
	if n := faulty.Calls("readdir"); n != 1 {
		t.Errorf("for one entry it read the folder %d times", n)
	}
	seen := 0
	for _, err := range aiofiles.ScanDir(ctx, "/") {
		ok(t, err)
		seen++
	}
	if n := faulty.Calls("readdir"); seen < 2000 || n < 5 {
		t.Errorf("%d entries in %d reads", seen, n-1)
	}
	faulty.WaitClosed()
}

func TestAbs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	here := must(os.Getwd())(t)
	for name, want := range map[string]string{"": here, "a/../b": filepath.Join(here, "b"), "/x/./y": "/x/y"} {
		if got := must(aiofiles.Abs(name))(t); got != want {
			t.Errorf("Abs(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestStdNow puts pipes in the place of the standard streams: they are looked up at
// the call.
func TestStdNow(t *testing.T) {
	ctx := t.Context()
	for _, tc := range []struct {
		std  **os.File
		open func(context.Context) (*aiofiles.File, error)
		mode string // of the bytes below
	}{{&os.Stdin, aiofiles.Stdin, "rb"}, {&os.Stdout, aiofiles.Stdout, "wb"}, {&os.Stderr, aiofiles.Stderr, "wb"}} {
		r, w, err := os.Pipe()
		ok(t, err)
		old := *tc.std
		*tc.std = w
		if tc.mode == "rb" {
			*tc.std = r
		}
		text := must(tc.open(ctx))(t)
		raw := must(aiofiles.OpenStd(ctx, *tc.std, tc.mode, nil))(t)
		*tc.std = old
		var got []byte
		if tc.mode == "rb" {
			must(w.WriteString("é\n"))(t)
			got = append(got, must(text.ReadText(ctx, 2))(t)...)
			text.Close()
			must(w.WriteString("\xff\n"))(t)
			w.Close()
			got = append(got, must(raw.ReadAll(ctx))(t)...)
		} else {
			must(text.WriteString(ctx, "é\n"))(t)
			must(raw.Write(ctx, []byte("\xff\n")))(t)
			text.Close()
			w.Close()
			got = must(io.ReadAll(r))(t)
		}
		if !bytes.Equal(got, []byte("é\n\xff\n")) {
			t.Errorf("%s: %q", raw.Name(), got)
		}
		raw.Close()
		r.Close()
	}
}

// TestLimitersApart lets calls hang under one limiter: those of another go on.
func TestLimitersApart(t *testing.T) {
	helpers(t, func(t *testing.T, ctx context.Context) {
		faulty := newFaulty(t, "text")
		free := make(chan struct{})
		faulty.Fail(aiofilestest.Fault{Op: "stat", Hold: free})
		slow := aiofiles.NewLimiter(1)
		_, err := aiofiles.Stat(aiofiles.WithLimiter(when(ctx, faulty, "stat", 1), slow), "/f")
		gaveUp(t, err)
		if slow.InUse() != 1 {
			t.Errorf("%d places are taken by the call that hangs", slow.InUse())
		}
		quick := aiofiles.WithLimiter(aiofiles.WithFS(ctx, faulty), aiofiles.NewLimiter(1))
		if data := must(aiofiles.ReadFile(quick, "/f"))(t); string(data) != "text" {
			t.Errorf("ReadFile = %q", data)
		}
		close(free)
		for slow.InUse() > 0 {
			<-time.After(time.Millisecond)
		}
	})
}

// The position is known in a loop over lines, and good for coming back.
func TestTellInTheLoop(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		f := open(t, ctx, temp(t, "é\r\nb\nend"), "r", nil)
		var places []int64
		for _, err := range f.Lines(ctx) {
			ok(t, err)
			places = append(places, must(f.Tell(ctx))(t))
		}
		if !slices.Equal(places, []int64{4, 6, 9}) {
			t.Errorf("after each line: %v", places)
		}
		must(f.Seek(ctx, places[0], io.SeekStart))(t)
		if rest := must(f.ReadText(ctx, -1))(t); rest != "b\nend" {
			t.Errorf("from there: %q", rest)
		}
	})
}

// No name is the name of no file.
func TestEmptyName(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		for name, is := range map[string]func(context.Context, string) (bool, error){
			"Exists": aiofiles.Exists, "LinkExists": aiofiles.LinkExists, "IsFile": aiofiles.IsFile, "IsDir": aiofiles.IsDir, "IsLink": aiofiles.IsLink,
		} {
			if yes, err := is(ctx, ""); yes || err != nil {
				t.Errorf("%s = %v, %v", name, yes, err)
			}
		}
		if _, err := aiofiles.Open(ctx, "", "r", nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open = %v", err)
		}
	})
}

package aiofiles_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/asyncio"
)

// soak is how long random tests run: as QUARTET_SOAK says, else for rounds only.
func soak(rounds int) func(i int) bool {
	d, _ := time.ParseDuration(os.Getenv("QUARTET_SOAK"))
	start := time.Now()
	return func(i int) bool { return i < rounds || time.Since(start) < d }
}

// seed is QUARTET_SEED, to run again what failed, or the default.
func seed(t *testing.T, def uint64) uint64 {
	if s, err := strconv.ParseUint(os.Getenv("QUARTET_SEED"), 10, 64); err == nil {
		def = s
	}
	t.Logf("QUARTET_SEED=%d", def)
	return def
}

// shadow is what a file should be.
type shadow struct {
	data []byte
	log  []string
}

func (s *shadow) writeAt(p []byte, off int) {
	if grow := off + len(p) - len(s.data); grow > 0 {
		s.data = append(s.data, make([]byte, grow)...)
	}
	copy(s.data[off:], p)
}

func (s *shadow) from(off int) []byte { return s.data[min(off, len(s.data)):] }

func (s *shadow) truncate(size int) {
	s.writeAt(nil, size)
	s.data = s.data[:size]
}

// handle is an open file of TestRandomOps with the position it should have.
type handle struct {
	f   *aiofiles.File
	pos int
}

// TestRandomOps makes random calls on several handles of one file and compares each
// result with a shadow in memory, in the manner of fsx.
func TestRandomOps(t *testing.T) {
	t.Parallel()
	base := seed(t, 1)
	more := soak(60)
	for i := 0; more(i); i++ {
		rnd := rand.New(rand.NewPCG(base, uint64(i)))
		engines(t, func(t *testing.T, ctx context.Context) { randomOps(t, ctx, rnd, i) })
		if t.Failed() {
			t.Fatalf("round %d of seed %d", i, base)
		}
	}
}

func randomOps(t *testing.T, ctx context.Context, rnd *rand.Rand, round int) {
	const limit = 200_000
	name := filepath.Join(t.TempDir(), "f")
	ok(t, os.WriteFile(name, nil, 0o600))
	s := &shadow{}
	hs := make([]*handle, 1+round%3)
	for i := range hs {
		// A handle that reads ahead or writes behind alone sees its own view.
		buffering := aiofiles.Unbuffered
		if len(hs) == 1 {
			buffering = []int{0, aiofiles.Unbuffered, 10, 5000, 1 << 16}[rnd.IntN(5)]
		}
		f := must(aiofiles.Open(ctx, name, "r+b", &aiofiles.OpenOptions{Buffering: buffering}))(t)
		defer f.Close()
		hs[i] = &handle{f: f}
	}
	for range 80 {
		h := hs[rnd.IntN(len(hs))]
		n := rnd.IntN(1 << rnd.IntN(16))
		off := rnd.IntN(limit >> rnd.IntN(12))
		op := rnd.IntN(14)
		what := fmt.Sprintf("round %d op %d n=%d off=%d pos=%d size=%d handles=%d", round, op, n, off, h.pos, len(s.data), len(hs))
		s.log = append(s.log, what)
		same := func(got []byte, want []byte) {
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: got %d bytes, want %d; before:\n%s", what, len(got), len(want), strings.Join(s.log[max(0, len(s.log)-12):], "\n"))
			}
		}
		switch op {
		case 0, 1, 2: // write
			if h.pos+n > limit {
				continue
			}
			p := randomBytes(rnd, n)
			m, err := h.f.Write(ctx, p)
			if m != n || err != nil {
				t.Fatalf("%s: Write = %d, %v", what, m, err)
			}
			if n > 0 {
				s.writeAt(p, h.pos)
			}
			h.pos += n
		case 3: // read what is there
			p := make([]byte, n)
			m, err := h.f.Read(ctx, p)
			if err == io.EOF && n > 0 && h.pos >= len(s.data) {
				continue
			}
			if err != nil || m == 0 && n > 0 {
				t.Fatalf("%s: Read = %d, %v", what, m, err)
			}
			same(p[:m], s.from(h.pos)[:m])
			h.pos += m
		case 4, 5: // read n
			p, err := h.f.ReadN(ctx, n)
			want := s.from(h.pos)
			want = want[:min(n, len(want))]
			if err != nil && !(err == io.EOF && len(want) == 0) {
				t.Fatalf("%s: ReadN = %v", what, err)
			}
			same(p, want)
			h.pos += len(p)
		case 6:
			p, err := h.f.ReadAll(ctx)
			ok(t, err)
			same(p, s.from(h.pos))
			h.pos += len(p)
		case 7:
			p := make([]byte, n)
			m, err := h.f.ReadAt(ctx, p, int64(off))
			want := s.from(off)
			if want = want[:min(n, len(want))]; err != nil && err != io.EOF || err == io.EOF && m == n && n > 0 {
				t.Fatalf("%s: ReadAt = %d, %v", what, m, err)
			}
			same(p[:m], want)
		case 8:
			p := randomBytes(rnd, n)
			half := n / 2
			if m, err := h.f.WriteVec(ctx, [][]byte{p[:half], p[half:]}, int64(off)); m != n || err != nil {
				t.Fatalf("%s: WriteVec = %d, %v", what, m, err)
			}
			if n > 0 {
				s.writeAt(p, off)
			}
		case 9:
			whence := rnd.IntN(3)
			from := []int{0, h.pos, len(s.data)}[whence]
			pos, err := h.f.Seek(ctx, int64(off-from), whence)
			if int(pos) != off || err != nil {
				t.Fatalf("%s: Seek = %d, %v", what, pos, err)
			}
			h.pos = off
		case 10:
			ok(t, h.f.Truncate(ctx, int64(off)))
			s.truncate(off)
		case 11:
			ok(t, h.f.Flush(ctx))
			same(must(os.ReadFile(name))(t), s.data)
		case 12:
			if pos := must(h.f.Tell(ctx))(t); int(pos) != h.pos {
				t.Fatalf("%s: Tell = %d", what, pos)
			}
		case 13:
			line, err := h.f.ReadLine(ctx)
			want := s.from(h.pos)
			if i := bytes.IndexByte(want, '\n'); i >= 0 {
				want = want[:i+1]
			}
			if err != nil && !(err == io.EOF && len(want) == 0) {
				t.Fatalf("%s: ReadLine = %v", what, err)
			}
			same([]byte(line), want)
			h.pos += len(line)
		}
	}
	for _, h := range hs {
		ok(t, h.f.Close())
	}
	if got := must(os.ReadFile(name))(t); !bytes.Equal(got, s.data) {
		t.Fatalf("round %d: the file has %d bytes at the end, want %d", round, len(got), len(s.data))
	}
}

func randomBytes(rnd *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		if p[i] = byte(rnd.Uint32()); rnd.IntN(40) == 0 {
			p[i] = '\n'
		}
	}
	return p
}

// TestCancelStorm gives up calls of all kinds at random moments. Nothing may be left
// of them: the leak check of the package looks for descriptors, goroutines and files,
// this test for locks, places of the limiter and temporary names.
func TestCancelStorm(t *testing.T) {
	t.Parallel()
	base := seed(t, 2)
	dir := t.TempDir()
	names := make([]string, 20)
	for i := range names {
		names[i] = filepath.Join(dir, fmt.Sprint("f", i))
		ok(t, os.WriteFile(names[i], bytes.Repeat([]byte("0123456789\n"), 3000), 0o600))
	}
	lim := aiofiles.NewLimiter(8)
	locks := filepath.Join(dir, "lock")
	var gaveUp atomic.Int64
	storm := func(ctx context.Context, rnd *rand.Rand) {
		ctx, cancel := context.WithCancelCause(aiofiles.WithLimiter(ctx, lim))
		defer cancel(nil)
		timer := time.AfterFunc(time.Duration(rnd.IntN(300))*time.Microsecond, func() { cancel(errGiveUp) })
		defer timer.Stop()
		name := names[rnd.IntN(len(names))]
		var err error
		switch rnd.IntN(9) {
		case 0:
			_, err = aiofiles.ReadFile(ctx, name)
		case 1:
			err = aiofiles.WriteFileAtomic(ctx, name, make([]byte, rnd.IntN(50_000)), &aiofiles.AtomicOptions{Strength: aiofiles.RenameOnly})
		case 2:
			var l *aiofiles.FileLock
			if l, err = aiofiles.Lock(ctx, locks, nil); err == nil {
				err = l.Close()
			}
		case 3:
			var f *aiofiles.NamedFile
			if f, err = aiofiles.NamedTempFile(ctx, &aiofiles.TempOptions{Dir: dir}); err == nil {
				_, err = f.Write(ctx, make([]byte, 5000))
				f.Close()
			}
		case 4:
			var d *aiofiles.Dir
			if d, err = aiofiles.TempDir(ctx, &aiofiles.TempOptions{Dir: dir}); err == nil {
				err = d.Close()
			}
		case 5:
			var f *aiofiles.AtomicFile
			if f, err = aiofiles.CreateAtomic(ctx, name, "w", &aiofiles.AtomicOptions{Strength: aiofiles.RenameOnly}); err == nil {
				_, err = f.WriteString(ctx, "text\n")
				if err == nil {
					err = f.Commit(ctx)
				}
				f.Close()
			}
		case 6:
			var f *aiofiles.File
			if f, err = aiofiles.Open(ctx, name, "r+b", nil); err == nil {
				for range f.Lines(ctx) {
				}
				_, err = f.WriteAt(ctx, make([]byte, 100), 50)
				f.Close()
			}
		case 7:
			for _, err = range aiofiles.ScanDir(ctx, dir) {
			}
		case 8:
			for _, err = range aiofiles.Walk(ctx, dir, nil) {
			}
		}
		if err != nil && ctx.Err() != nil {
			gaveUp.Add(1)
		} else if err != nil {
			t.Error(err)
		}
	}
	total := 0
	more := soak(4)
	for i := 0; more(i); i++ {
		var wg sync.WaitGroup
		for w := range 8 { // goroutines
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(base, uint64(i*100+w)))
				for range 50 {
					storm(t.Context(), rnd)
				}
			})
		}
		_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) { // and tasks
			var tasks []asyncio.Awaitable[int]
			for w := range 8 {
				tasks = append(tasks, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
					rnd := rand.New(rand.NewPCG(base, uint64(i*100+50+w)))
					for range 50 {
						storm(ctx, rnd)
					}
					return 0, nil
				}))
			}
			_, err := asyncio.Gather(ctx, tasks...)
			return 0, err
		}, nil)
		ok(t, err)
		wg.Wait()
		total += 800
	}
	for lim.InUse() > 0 {
		<-time.After(time.Millisecond)
	}
	lock := must(aiofiles.TryLock(t.Context(), locks, nil))(t)
	ok(t, lock.Close())
	entries := must(os.ReadDir(dir))(t)
	if want := len(names) + 1; len(entries) != want {
		t.Errorf("%d files are there, want %d: %v", len(entries), want, entries)
	}
	if n := gaveUp.Load(); n < int64(total)/20 {
		t.Errorf("only %d of %d calls were given up", n, total)
	}
	t.Logf("%d of %d calls were given up", gaveUp.Load(), total)
}

package aiofiles

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

// landing is added to the count of flights that nobody may join any more.
const landing = -1 << 62

// flights counts the positioned calls in flight, which do not wait for one another.
type flights struct {
	n    atomic.Int64
	idle atomic.Pointer[func()]
}

func (a *flights) enter() bool {
	if a.n.Add(1) > 0 {
		return true
	}
	a.exit()
	return false
}

func (a *flights) exit() {
	if a.n.Add(-1) == landing {
		if idle := a.idle.Load(); idle != nil {
			(*idle)()
		}
	}
}

// land lets nobody enter any more and waits for those that did.
func (a *flights) land(ctx context.Context) error {
	return park.Wait(ctx, func(wake func()) {
		a.idle.Store(&wake)
		n := a.n.Load()
		if n >= 0 {
			n = a.n.Add(landing)
		}
		if n == landing {
			wake()
		}
	})
}

// at runs a positioned call: here where that is allowed, else on a helper.
func (f *File) at(ctx context.Context, op string, body func(how) (int, error)) (int, error) {
	if err := park.Cause(ctx); err != nil {
		return 0, f.fail(op, err)
	}
	switch {
	case f.stream:
		return 0, f.fail(op, ErrNotSeekable)
	case f.doubt.Load() != nil:
		return 0, f.fail(op, f.doubt.Load())
	case f.bufSize > 0:
		if err := f.Flush(ctx); err != nil {
			return 0, err
		}
	}
	if !f.flights.enter() {
		return 0, f.fail(op, fs.ErrClosed)
	}
	if f.ending.Load() {
		f.flights.exit()
		return 0, f.fail(op, fs.ErrClosed)
	}
	if inPlace(ctx) {
		defer f.flights.exit()
		if err := f.lim.gate.acquire(ctx); err != nil {
			return 0, f.fail(op, err)
		}
		defer f.lim.gate.release()
		n, err := body(here)
		return n, f.fail(op, err)
	}
	if n, err := body(trying); err != errWouldBlock {
		f.flights.exit()
		return n, f.fail(op, err)
	}
	out := &struct {
		n   int
		err error
	}{}
	j := newJob(f.lim, func() {
		out.n, out.err = body(away)
		f.flights.exit()
	}, nil)
	j.submit()
	if err := j.wait(ctx); err != nil {
		switch j.leave() {
		case dropped:
			f.flights.exit()
			fallthrough
		case left:
			return 0, f.fail(op, err)
		}
	}
	return out.n, f.fail(op, out.err)
}

// ReadVec fills bufs one after the other from off on, as one [File.ReadAt] would.
//
// Python: os.preadv.
func (f *File) ReadVec(ctx context.Context, bufs [][]byte, off int64) (int, error) {
	return f.readVec(ctx, bufs, off)
}

func (f *File) readVec(ctx context.Context, bufs [][]byte, off int64) (int, error) {
	if !f.mode.read {
		return 0, f.fail("read", ErrNotReadable)
	}
	if off < 0 {
		return 0, f.fail("read", fs.ErrInvalid)
	}
	var own []byte // what a helper read
	n, err := f.at(ctx, "read", func(h how) (int, error) {
		if h != away {
			return f.readBufs(bufs, off, h)
		}
		buf := make([]byte, total(bufs))
		n, err := f.h.ReadAt(buf, off)
		own = buf[:n]
		return n, err
	})
	if park.Cause(ctx) != nil && n == 0 {
		return 0, err
	}
	scatter(bufs, own)
	return n, err
}

func (f *File) readBufs(bufs [][]byte, off int64, h how) (n int, err error) {
	for _, b := range bufs {
		for len(b) > 0 {
			m, err := f.readRaw(b, off+int64(n), h)
			n += m
			b = b[m:]
			if err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func total(bufs [][]byte) (n int) {
	for _, b := range bufs {
		n += len(b)
	}
	return n
}

func scatter(bufs [][]byte, p []byte) {
	for _, b := range bufs {
		p = p[copy(b, p):]
	}
}

// WriteAt writes p at off; the position stays. Any number of WriteAt run at the same
// time. It returns [ErrMode] for a file of mode a, whose writes go to the end.
//
// If ctx ends first, what was written is unknown, and WriteAt may be called again.
//
// Python: os.pwrite.
func (f *File) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	return f.WriteVec(ctx, [][]byte{p}, off)
}

// WriteVec writes bufs one after the other from off on, as one [File.WriteAt] would.
//
// Python: os.pwritev.
func (f *File) WriteVec(ctx context.Context, bufs [][]byte, off int64) (int, error) {
	switch {
	case !f.mode.write:
		return 0, f.fail("write", ErrNotWritable)
	case f.mode.appending:
		return 0, f.fail("write", ErrMode)
	case off < 0:
		return 0, f.fail("write", fs.ErrInvalid)
	}
	data := bufs[0]
	if len(bufs) > 1 || ctx.Done() != nil {
		data = bytes.Join(bufs, nil)
	}
	n, err := f.at(ctx, "write", func(h how) (int, error) {
		if h == trying {
			return 0, errWouldBlock
		}
		n, err := f.h.WriteAt(data, off)
		f.stale.Store(true)
		return n, err
	})
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

package aiofiles

import (
	"bytes"
	"context"
	"io"

	"github.com/quartet-go/quartet/internal/park"
)

// maxStep is the most that a helper reads at a time.
const maxStep = 1 << 20

// Read reads up to len(p) bytes into p: what is there, at least one byte. At the
// end of the file it returns 0 and io.EOF. From a text file it reads text, as UTF-8.
//
// Python: readinto1. [File.ReadN] is read(n).
func (f *File) Read(ctx context.Context, p []byte) (n int, err error) {
	if f.text != nil {
		return f.readTextInto(ctx, p)
	}
	if n, err = f.readFast(ctx, p); err != errWouldBlock {
		return n, err
	}
	err = f.call(ctx, "read", 0, func(h how) error {
		if err := f.startReading(h); err != nil || len(p) == 0 || f.w > f.r {
			return err
		}
		f.room(min(len(p), maxStep))
		return f.more(h)
	}, func() { n = f.take(p) })
	return n, err
}

// readFast is Read where nothing has to wait, or where waiting is all right.
func (f *File) readFast(ctx context.Context, p []byte) (n int, err error) {
	if f.intr != nil || !f.mode.read || ctx.Err() != nil || !f.turn.try() {
		return 0, errWouldBlock
	}
	defer f.turn.release()
	switch {
	case f.usable() != nil || len(f.wbuf) > 0 || f.stale.Load():
		return 0, errWouldBlock
	case f.w > f.r:
		return f.take(p), nil
	case len(p) < readBuffer && f.readAhead || len(p) == 0:
		// Small reads go through the buffer.
		if f.now == nil || len(p) == 0 {
			return 0, errWouldBlock
		}
		if err := f.more(trying); err != nil {
			return 0, err
		}
		return f.take(p), nil
	}
	if ctx.Done() == nil && park.Current() == nil && f.lim.gate.try() {
		n, err = f.readRaw(p, f.pos, here)
		f.lim.gate.release()
	} else {
		n, err = f.readRaw(p, f.pos, trying)
	}
	f.pos += int64(n)
	if err == errWouldBlock {
		return 0, err
	}
	return n, f.fail("read", err)
}

// take moves what was read ahead to p.
func (f *File) take(p []byte) int {
	n := copy(p, f.rbuf[f.r:f.w])
	f.skip(n)
	return n
}

// skip passes n bytes that were read ahead.
func (f *File) skip(n int) {
	f.r += n
	f.pos += int64(n)
}

// ahead is what was read ahead.
func (f *File) ahead() []byte { return f.rbuf[f.r:f.w] }

// room makes place to read n bytes at once.
func (f *File) room(n int) {
	if f.r == f.w {
		f.r, f.w = 0, 0
	}
	kept := f.w - f.r
	switch {
	case !f.readAhead:
		n = max(n, 1)
	case len(f.rbuf)-f.w >= n && f.w < len(f.rbuf):
		return
	default:
		n = max(n, readBuffer-kept)
	}
	if f.readAhead && kept+n <= len(f.rbuf) {
		copy(f.rbuf, f.ahead())
	} else {
		grown := make([]byte, kept+n)
		copy(grown, f.ahead())
		f.rbuf = grown
	}
	f.r, f.w = 0, kept
}

// more reads once, behind what was read ahead. Without room it makes some.
func (f *File) more(h how) error {
	if f.left.Load() {
		return errLeft
	}
	if f.r == f.w && f.readAhead {
		f.r, f.w = 0, 0
	}
	if kept := f.w - f.r; f.w == len(f.rbuf) && kept < len(f.rbuf)/2 {
		copy(f.rbuf, f.ahead())
		f.r, f.w = 0, kept
	} else if f.w == len(f.rbuf) {
		f.room(max(readBuffer, kept))
	}
	n, err := f.readRaw(f.rbuf[f.w:], f.pos+int64(f.w-f.r), h)
	f.w += n
	if n > 0 {
		return nil
	}
	return err
}

// readRaw reads once.
func (f *File) readRaw(p []byte, off int64, h how) (int, error) {
	if h == trying {
		if f.now == nil {
			return 0, errWouldBlock
		}
		return f.now.readNow(p, off)
	}
	if h == away {
		p = p[:min(len(p), maxStep)] // the end of ctx shows between the steps
	}
	if f.stream {
		return f.h.Read(p)
	}
	if once, ok := f.h.(interface {
		pread(p []byte, off int64) (int, error)
	}); ok {
		return once.pread(p, off)
	}
	n, err := f.h.ReadAt(p, off)
	if n > 0 {
		err = nil
	}
	return n, err
}

// startReading makes ready for a read: it may be made, and sees what was written.
func (f *File) startReading(h how) error {
	if !f.mode.read {
		return ErrNotReadable
	}
	if f.stale.Swap(false) {
		f.forget()
	}
	return f.settleWrites(h)
}

// ReadN reads n bytes, fewer only where the file ends: io.EOF if there are none.
// Of a text file it reads n characters, as UTF-8. Negative n reads to the end.
//
// Python: read(n). Differs: the end is io.EOF.
func (f *File) ReadN(ctx context.Context, n int) ([]byte, error) {
	if n < 0 {
		return f.ReadAll(ctx)
	}
	if f.text != nil {
		s, err := f.ReadText(ctx, n)
		return []byte(s), err
	}
	var out []byte
	err := f.call(ctx, "read", 0, func(h how) error {
		if err := f.startReading(h); err != nil {
			return err
		}
		if f.w-f.r < n {
			f.room(min(n-(f.w-f.r), f.rest()+1))
		}
		for f.w-f.r < n {
			if err := f.more(h); err == io.EOF && f.w > f.r {
				break
			} else if err != nil {
				return err
			}
		}
		return nil
	}, func() {
		out = make([]byte, min(n, f.w-f.r))
		f.take(out)
		f.shrink()
	})
	return out, err
}

// shrink lets a buffer go that one large read made.
func (f *File) shrink() {
	if f.r == f.w && cap(f.rbuf) > maxStep {
		f.rbuf, f.r, f.w = nil, 0, 0
	}
}

// ReadAll reads to the end of the file; there it returns no bytes and no error.
// Of a text file it returns the text as UTF-8.
//
// Python: read().
func (f *File) ReadAll(ctx context.Context) ([]byte, error) {
	if f.text != nil {
		s, err := f.ReadText(ctx, -1)
		if err == io.EOF {
			err = nil
		}
		return []byte(s), err
	}
	var out []byte
	err := f.call(ctx, "read", 0, func(h how) error {
		if err := f.startReading(h); err != nil {
			return err
		}
		f.room(f.rest() + 1)
		for {
			if err := f.more(h); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	}, func() {
		out = f.rbuf[f.r:f.w:f.w] // the buffer goes with it
		f.skip(len(out))
		f.rbuf, f.r, f.w = nil, 0, 0
	})
	return out, err
}

// rest guesses how many bytes there are to read.
func (f *File) rest() int {
	if sized, ok := f.h.(interface{ size() (int64, error) }); ok && !f.stream {
		if size, err := sized.size(); err == nil && size > f.pos {
			return int(min(size-f.pos, 1<<40)) + 1
		}
	}
	return 0
}

// Peek returns up to n of the next bytes without passing them, fewer at the end of
// the file, where there are none with io.EOF. It needs a binary file.
func (f *File) Peek(ctx context.Context, n int) ([]byte, error) {
	if f.text != nil {
		return nil, f.fail("peek", ErrTextMode)
	}
	var out []byte
	err := f.call(ctx, "peek", 0, func(h how) error {
		if err := f.startReading(h); err != nil {
			return err
		}
		for f.w-f.r < n {
			if err := f.more(h); err == io.EOF && f.w > f.r {
				break
			} else if err != nil {
				return err
			}
		}
		return nil
	}, func() { out = bytes.Clone(f.ahead()[:min(n, f.w-f.r)]) })
	return out, err
}

// ReadUntil reads up to and including the next delim, or to the end of the file:
// io.EOF if nothing is left. More than OpenOptions.MaxLineBytes without a delim is
// [ErrLineTooLong], and passes nothing. It needs a binary file.
func (f *File) ReadUntil(ctx context.Context, delim []byte) ([]byte, error) {
	if f.text != nil {
		return nil, f.fail("read", ErrTextMode)
	}
	if len(delim) == 0 {
		return nil, f.fail("read", ErrMode)
	}
	var out []byte
	n := 0
	err := f.call(ctx, "read", 0, func(h how) (err error) {
		if err = f.startReading(h); err == nil {
			n, err = f.find(delim, h)
		}
		return err
	}, func() {
		out = bytes.Clone(f.ahead()[:n])
		f.skip(n)
	})
	return out, err
}

// find reads ahead until delim is there and returns the length up to its end.
func (f *File) find(delim []byte, h how) (int, error) {
	from := 0
	for {
		b := f.ahead()
		if i := bytes.Index(b[from:], delim); i >= 0 && from+i+len(delim) <= f.maxLine {
			return from + i + len(delim), nil
		} else if i >= 0 || len(b) > f.maxLine {
			return 0, ErrLineTooLong
		}
		from = max(0, len(b)-len(delim)+1)
		if err := f.more(h); err == io.EOF && len(b) > 0 {
			return len(b), nil
		} else if err != nil {
			return 0, err
		}
	}
}

// ReadAt reads len(p) bytes at off, fewer only with an error: io.EOF where the file
// ends. The position of the file stays. Any number of ReadAt run at the same time.
// It needs a file with positions; text is read as its bytes.
func (f *File) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, err := f.readAtFast(ctx, p, off)
	if err == errWouldBlock {
		return f.readVec(ctx, [][]byte{p}, off)
	}
	return n, f.fail("read", err)
}

// readAtFast is ReadAt where nothing has to wait.
func (f *File) readAtFast(ctx context.Context, p []byte, off int64) (n int, err error) {
	if f.now == nil || !f.mode.read || f.stream || f.bufSize > 0 || off < 0 || f.doubt.Load() != nil || ctx.Err() != nil || !f.flights.enter() {
		return 0, errWouldBlock
	}
	if f.ending.Load() {
		err = errWouldBlock
	}
	for n < len(p) && err == nil {
		var m int
		m, err = f.now.readNow(p[n:], off+int64(n))
		n += m
	}
	f.flights.exit()
	return n, err
}

package aiofiles

import (
	"bytes"
	"context"
)

// Write writes p at the position of the file, or at its end in mode a, and returns
// when the kernel has the bytes (see OpenOptions.Buffering). To a text file p is
// text in UTF-8, all of which is checked before anything is written.
//
// n is len(p), less with an error only. If ctx ends while the write runs and it does
// not end at once, its outcome is unknown: the call returns the cause, and later
// ones a [*PoisonError]. A stream knows how many bytes it took and goes on.
//
// Python: write. Differs: counts bytes of UTF-8 for text.
func (f *File) Write(ctx context.Context, p []byte) (n int, err error) {
	data := p
	copied := ctx.Done() == nil && f.text == nil
	done := 0
	err = f.call(ctx, "write", writeGrace, func(h how) error {
		if !f.mode.write {
			return ErrNotWritable
		}
		if f.text != nil && !copied {
			encoded, err := f.encode(p, h)
			if err != nil {
				return err
			}
			data, copied = encoded, true
		}
		if h == trying && len(f.wbuf)+len(data) > f.bufSize {
			if n, err := f.putNow(data); err != errWouldBlock {
				done = n
				return err
			}
			if !copied { // the helper must not look at p
				f.spare = append(f.spare[:0], p...)
				data, copied = f.spare, true
			}
			return errWouldBlock
		}
		var err error
		done, err = f.put(data)
		return err
	}, func() {
		n = len(p)
		if cap(f.spare) > maxStep {
			f.spare = nil
		}
	})
	if err != nil && f.intr != nil && f.text == nil {
		n = done
	}
	return n, err
}

// WriteString is [File.Write] of a string.
func (f *File) WriteString(ctx context.Context, s string) (int, error) {
	return f.Write(ctx, []byte(s))
}

// WriteLines writes lines one after the other. It adds no line ends.
//
// Python: writelines.
func (f *File) WriteLines(ctx context.Context, lines ...string) error {
	var b bytes.Buffer
	for _, line := range lines {
		b.WriteString(line)
	}
	_, err := f.Write(ctx, b.Bytes())
	return err
}

// A nowWriter is a Handle that may take bytes without waiting.
type nowWriter interface {
	writeNow(p []byte, off int64) (int, error)
}

// putNow writes data if that needs no waiting.
func (f *File) putNow(data []byte) (int, error) {
	w, ok := f.h.(nowWriter)
	if !ok || len(f.wbuf) > 0 || f.mode.appending {
		return 0, errWouldBlock
	}
	f.forget()
	n, err := w.writeNow(data, f.pos)
	f.pos += int64(n)
	return n, err
}

// put writes data, through the buffer if there is one.
func (f *File) put(data []byte) (int, error) {
	f.forget()
	if len(f.wbuf)+len(data) > f.bufSize {
		if err := f.flush(); err != nil {
			return 0, err
		}
	}
	if len(data) >= f.bufSize {
		n, err := f.writeRaw(data, f.pos)
		f.pos += int64(n)
		return n, err
	}
	if f.wbuf == nil {
		f.wbuf = make([]byte, 0, f.bufSize)
	}
	f.wbuf = append(f.wbuf, data...)
	f.pos += int64(len(data))
	if f.byLine && bytes.ContainsAny(data, "\r\n") {
		return len(data), f.flush()
	}
	return len(data), nil
}

// forget drops what was read ahead.
func (f *File) forget() {
	if f.text != nil {
		f.rewindText()
	}
	f.r, f.w = 0, 0
}

// writeRaw writes p at off, or where the kernel decides.
func (f *File) writeRaw(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !f.stream && !f.mode.appending {
		return f.h.WriteAt(p, off)
	}
	n, err := f.h.Write(p)
	if f.mode.appending && !f.stream {
		// The kernel chose the place; the position is behind it.
		if size, sizeErr := f.fileSize(); sizeErr == nil {
			f.pos = size - int64(n)
		}
	}
	return n, err
}

func (f *File) fileSize() (int64, error) {
	if sized, ok := f.h.(interface{ size() (int64, error) }); ok {
		return sized.size()
	}
	info, err := f.h.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// flush hands what is buffered to the kernel. What it does not take stays.
func (f *File) flush() error {
	if len(f.wbuf) == 0 {
		return nil
	}
	start := f.pos - int64(len(f.wbuf))
	n, err := f.writeRaw(f.wbuf, start)
	rest := copy(f.wbuf, f.wbuf[n:])
	f.wbuf = f.wbuf[:rest]
	if f.mode.appending && !f.stream {
		f.pos += int64(n + rest)
	}
	return err
}

// settleWrites flushes before something that must see what was written.
func (f *File) settleWrites(h how) error {
	if len(f.wbuf) == 0 {
		return nil
	}
	if h == trying {
		return errWouldBlock
	}
	return f.flush()
}

// Flush hands what is buffered to the kernel. What the kernel did not take stays
// in the buffer.
func (f *File) Flush(ctx context.Context) error {
	return f.call(ctx, "flush", writeGrace, f.settleWrites, nil)
}

// Sync flushes, then returns when the content and all that describes it are on the
// device. After an error the file is poisoned: asking again would report success
// for what the kernel has dropped.
//
// Python: os.fsync.
func (f *File) Sync(ctx context.Context) error { return f.sync(ctx, false) }

// SyncData is [File.Sync] without the metadata that reading the content does not need.
//
// Python: os.fdatasync.
func (f *File) SyncData(ctx context.Context) error { return f.sync(ctx, true) }

func (f *File) sync(ctx context.Context, dataOnly bool) error {
	return f.call(ctx, "sync", 0, func(h how) error {
		if h == trying {
			return errWouldBlock
		}
		if err := f.flush(); err != nil {
			return err
		}
		err := syncHandle(f.h, dataOnly)
		if err != nil {
			f.doubt.CompareAndSwap(nil, &PoisonError{Op: "sync", Err: err})
		}
		return err
	}, nil)
}

func syncHandle(h Handle, dataOnly bool) error {
	if d, ok := h.(interface{ SyncData() error }); ok && dataOnly {
		return d.SyncData()
	}
	return h.Sync()
}

// Truncate flushes, then makes the file size bytes long; new bytes are zero. The
// position stays, even behind the new end.
//
// Python: truncate(size). Differs: the size is always given ([File.Tell] has the
// default); the new size is not returned.
func (f *File) Truncate(ctx context.Context, size int64) error {
	return f.call(ctx, "truncate", writeGrace, func(h how) error {
		switch {
		case !f.mode.write:
			return ErrNotWritable
		case f.stream:
			return ErrNotSeekable
		case h == trying:
			return errWouldBlock
		}
		if err := f.flush(); err != nil {
			return err
		}
		f.forget()
		return f.h.Truncate(size)
	}, nil)
}

package aiofiles

import (
	"context"
	"fmt"
	"io"
	"io/fs"
)

// Seek sets the position for the next read or write, relative to whence as in
// [io.Seeker], and returns it. A position may be behind the end, not before the
// start. In a text file the only positions are the start, the end, the present one
// and those that [File.Tell] returned.
//
// Python: seek.
func (f *File) Seek(ctx context.Context, offset int64, whence int) (pos int64, err error) {
	var target int64
	err = f.call(ctx, "seek", writeGrace, func(h how) (err error) {
		target, err = f.target(offset, whence, h)
		return err
	}, func() {
		pos = target
		f.moveTo(pos)
	})
	return pos, err
}

// target flushes and computes where a seek goes.
func (f *File) target(offset int64, whence int, h how) (int64, error) {
	if f.stream {
		return 0, ErrNotSeekable
	}
	if f.text != nil && whence != io.SeekStart && offset != 0 {
		return 0, fmt.Errorf("%w: text has no distances", ErrNotSeekable)
	}
	if err := f.settleWrites(h); err != nil {
		return 0, err
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.tell()
	case io.SeekEnd:
		if h == trying {
			return 0, errWouldBlock
		}
		size, err := f.fileSize()
		if err != nil {
			return 0, err
		}
		offset += size
	default:
		return 0, fmt.Errorf("whence %d: %w", whence, fs.ErrInvalid)
	}
	if offset < 0 {
		return 0, fmt.Errorf("position %d: %w", offset, fs.ErrInvalid)
	}
	return offset, nil
}

// Tell returns the position: the offset of the next byte to read or write. Of a
// text file it is the offset of the next character, which is good for [File.Seek].
//
// Python: tell. Differs: works during iteration, and a position is an offset in
// the file, not a cookie.
func (f *File) Tell(ctx context.Context) (pos int64, err error) {
	err = f.call(ctx, "tell", 0, func(how) error {
		switch {
		case f.stream:
			return ErrNotSeekable
		case f.text != nil && f.text.codec.stateful():
			return fmt.Errorf("%w: text in %s", ErrNotSeekable, f.text.codec.name())
		}
		return nil
	}, func() { pos = f.tell() })
	return pos, err
}

func (f *File) tell() int64 {
	if f.text != nil {
		return f.text.tell(f.pos)
	}
	return f.pos
}

// moveTo goes to pos. What was read ahead of there stays.
func (f *File) moveTo(pos int64) {
	if f.text != nil {
		f.rewindText()
	}
	if d := pos - f.pos; d >= -int64(f.r) && d <= int64(f.w-f.r) {
		f.r += int(d)
	} else {
		f.r, f.w = 0, 0
	}
	f.pos = pos
}

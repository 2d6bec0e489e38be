package aiofiles

import (
	"bytes"
	"context"
	"io"
	"iter"
	"strings"
	"unsafe"
)

// ReadLine reads the next line with its end: io.EOF if there is none. The last line
// of a file may have no end.
//
// Python: readline. Differs: the end of the file is io.EOF.
func (f *File) ReadLine(ctx context.Context) (string, error) {
	if ctx.Err() == nil && f.turn.try() {
		line, shared := f.bufferedLine()
		if shared {
			line = strings.Clone(line)
		}
		f.turn.release()
		if line != "" {
			return line, nil
		}
	}
	line, _, err := f.nextLine(ctx, false)
	return line, err
}

// nextLine is ReadLine where nothing was read ahead. lend is whether memory may be
// lent that is good until the next call.
func (f *File) nextLine(ctx context.Context, lend bool) (line string, shared bool, err error) {
	n := 0
	err = f.call(ctx, "read", 0, func(h how) (err error) {
		if err = f.startReading(h); err != nil {
			return err
		}
		if f.text != nil {
			n, err = f.findLine(h, lend)
		} else {
			n, err = f.find([]byte{'\n'}, h)
		}
		return err
	}, func() {
		if f.text != nil && (!lend || !f.text.lent) {
			line = f.text.take(n)
			return
		}
		if line, shared = f.sharedLine(n); !lend {
			line, shared = strings.Clone(line), false
		}
	})
	return line, shared, err
}

// sharedLine passes the next n bytes and returns them, and whether their memory is
// going to be used again.
func (f *File) sharedLine(n int) (line string, shared bool) {
	if t := f.text; t != nil {
		t.off += n
		return t.chunk[t.off-n : t.off], t.lent
	}
	f.skip(n)
	return unsafe.String(&f.rbuf[f.r-n], n), true
}

// bufferedLine is the next line if it was read ahead, else "".
func (f *File) bufferedLine() (line string, shared bool) {
	if f.usable() != nil || len(f.wbuf) > 0 || f.stale.Load() {
		return "", false
	}
	n := 0
	if t := f.text; t == nil {
		n = bytes.IndexByte(f.ahead(), '\n') + 1
	} else if len(t.buf) == 0 {
		n = t.lineEnd(t.chunk[t.off:], 0)
	}
	if n <= 0 || n > f.maxLine {
		return "", false
	}
	return f.sharedLine(n)
}

// findLine decodes until a whole line is pending and returns its length.
func (f *File) findLine(h how, lend bool) (int, error) {
	t := f.text
	t.byLine, t.lend = true, lend
	defer func() { t.byLine, t.lend = false, false }()
	from := 0
	for {
		view := t.view()
		if n := t.lineEnd(view, from); n > f.maxLine || n < 0 && len(view) > f.maxLine {
			return 0, ErrLineTooLong
		} else if n >= 0 {
			return n, nil
		}
		from = max(0, len(view)-1)
		if err := f.moreText(h); err != nil {
			if _, bad := err.(*DecodeError); len(view) > 0 && (err == io.EOF || bad) {
				return len(view), nil
			}
			return 0, err
		}
	}
}

// Lines yields the lines that are left, with their ends, from where the file is.
// Other calls may be made in between, Tell among them. An error ends the sequence
// and comes with an empty line; the end of the file ends it without one. Leaving
// the loop leaves the file behind the last line that was yielded.
//
// The lines of a text file share the memory of the 16 KiB they were decoded from:
// strings.Clone one that is kept while the others go.
//
// Python: async for line in file. Costs: BenchmarkLines.
func (f *File) Lines(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			line, err := f.ReadLine(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// LineBytes is [File.Lines] without a string for each line: what it yields is good,
// and may be changed, until the loop goes on or another call is made on f. It
// allocates nothing for a line of a binary file, or of a text file in UTF-8 whose
// line ends need no change.
func (f *File) LineBytes(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var own []byte
		for {
			var line string
			shared := false
			if ctx.Err() == nil && f.turn.try() {
				line, shared = f.bufferedLine()
				f.turn.release()
			}
			if line == "" {
				var err error
				if line, shared, err = f.nextLine(ctx, true); err == io.EOF {
					return
				} else if err != nil {
					yield(nil, err)
					return
				}
			}
			if shared {
				own = unsafe.Slice(unsafe.StringData(line), len(line))
			} else {
				own = []byte(line)
			}
			if !yield(own, nil) {
				return
			}
		}
	}
}

// ReadLines reads the lines that are left, as a slice.
//
// Python: readlines. Differs: no hint; leave the loop of [File.Lines] instead.
func (f *File) ReadLines(ctx context.Context) ([]string, error) {
	var lines []string
	for line, err := range f.Lines(ctx) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

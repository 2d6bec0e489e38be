package aiofiles

import (
	"bytes"
	"context"
	"io"
	"iter"
)

// ReadLine reads the next line with its end: io.EOF if there is none. The last line
// of a file may have no end.
//
// Python: readline. Differs: the end of the file is io.EOF.
func (f *File) ReadLine(ctx context.Context) (line string, err error) {
	if ctx.Err() == nil && f.turn.try() {
		line, ok := f.bufferedLine()
		f.turn.release()
		if ok {
			return line, nil
		}
	}
	n := 0
	err = f.call(ctx, "read", 0, func(h how) (err error) {
		if err = f.startReading(h); err != nil {
			return err
		}
		if f.text != nil {
			n, err = f.findLine(h)
		} else {
			n, err = f.find([]byte{'\n'}, h)
		}
		return err
	}, func() {
		if f.text != nil {
			line = f.text.take(n)
		} else {
			line = string(f.ahead()[:n])
			f.skip(n)
		}
	})
	return line, err
}

// bufferedLine is the next line if it was read ahead.
func (f *File) bufferedLine() (line string, ok bool) {
	if f.usable() != nil || len(f.wbuf) > 0 || f.stale.Load() {
		return "", false
	}
	if t := f.text; t != nil {
		if len(t.buf) > 0 {
			return "", false
		}
		n := t.lineEnd(t.chunk[t.off:], 0)
		if n < 0 || n > f.maxLine {
			return "", false
		}
		line = t.chunk[t.off : t.off+n]
		t.off += n
		return line, true
	}
	n := bytes.IndexByte(f.ahead(), '\n') + 1
	if n == 0 || n > f.maxLine {
		return "", false
	}
	line = string(f.ahead()[:n])
	f.skip(n)
	return line, true
}

// findLine decodes until a whole line is pending and returns its length.
func (f *File) findLine(h how) (int, error) {
	t := f.text
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

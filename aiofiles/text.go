package aiofiles

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"unsafe"
)

// A Newline says what ends a line of a text file, and what is done to it.
//
// Python: the newline argument of open; its values are None, "", "\n", "\r" and "\r\n".
type Newline int

const (
	// UniversalNewline takes \n, \r and \r\n for a line's end when reading and gives
	// \n for each. Writing writes \n as it is.
	UniversalNewline Newline = iota
	// KeepNewline takes the same three for a line's end and leaves them as they are.
	KeepNewline
	// NewlineLF is \n alone, both ways.
	NewlineLF
	// NewlineCR is \r alone; writing gives \r for each \n.
	NewlineCR
	// NewlineCRLF is \r\n; writing gives it for each \n.
	NewlineCRLF
)

// textChunk is how many bytes are decoded at a time. The strings of the lines of a
// chunk share its memory.
const textChunk = 16 << 10

// text is the state of a text file: how bytes become characters, and the
// characters that were decoded ahead.
type text struct {
	codec   codec
	errors  handler
	newline Newline

	// What was decoded and not read yet is chunk[off:], or buf while a call needs more
	// than a chunk. It comes from the bytes at base on, behind skip bytes of text.
	// raw are those bytes, nil where they are the text itself.
	chunk   string
	off     int
	buf     []byte
	lent    bool // chunk is memory of rbuf, which must not change before it is copied
	base    int64
	skip    int
	raw     []byte
	mark    struct{ text, raw int } // where rawLen was last
	scratch [16]byte
	err     error // what comes behind
	whole   bool  // decode all that was read at once
	lend    bool  // a chunk may be lent
	heldCR  bool  // a \r of a stateful encoding that waits for what comes next
	byLine  bool  // decode whole lines if they are not too long

	seen newlines
}

// newlines is a set of line ends.
type newlines uint8

const (
	seenCR newlines = 1 << iota
	seenLF
	seenCRLF
)

func newText(encoding, errorsName string, nl Newline) (*text, error) {
	if nl < UniversalNewline || nl > NewlineCRLF {
		return nil, fmt.Errorf("%w: newline %d", ErrMode, nl)
	}
	c, err := codecFor(encoding)
	if err != nil {
		return nil, err
	}
	h, err := handlerFor(errorsName)
	if err != nil {
		return nil, err
	}
	return &text{codec: c, errors: h, newline: nl}, nil
}

// joinsCRLF reports whether a \r may belong to the \n behind it.
func (t *text) joinsCRLF() bool { return t.newline != NewlineLF && t.newline != NewlineCR }

// Encoding is the encoding of a text file by its Python name, "" of a binary one.
func (f *File) Encoding() string {
	if f.text == nil {
		return ""
	}
	return f.text.codec.name()
}

// Newlines returns the line ends that were met so far: some of "\r", "\n" and "\r\n".
// It returns none where OpenOptions.Newline says what they are.
//
// Python: newlines.
func (f *File) Newlines(ctx context.Context) (ends []string, err error) {
	err = f.call(ctx, "newlines", 0, func(how) error { return nil }, func() {
		if f.text == nil || f.text.newline > KeepNewline {
			return
		}
		for i, end := range []string{"\r", "\n", "\r\n"} {
			if f.text.seen&(1<<i) != 0 {
				ends = append(ends, end)
			}
		}
	})
	return ends, err
}

// rewindText drops what was decoded ahead; the next read decodes from pos on.
func (f *File) rewindText() {
	t := f.text
	if t.pending() > 0 && !f.stream {
		if pos := t.tell(f.pos); pos != f.pos {
			f.pos, f.r, f.w = pos, 0, 0
		}
	}
	t.chunk, t.off, t.lent, t.buf, t.raw, t.skip, t.err = "", 0, false, nil, nil, 0, nil
	if shift, ok := t.codec.(*shiftCodec); ok {
		shift.reset()
		t.heldCR = false
	}
}

func (t *text) pending() int { return len(t.chunk) - t.off + len(t.buf) }

// gather makes buf hold what is pending, so that more can be put behind.
func (t *text) gather() {
	if len(t.buf) == 0 && t.off < len(t.chunk) {
		t.buf = append(t.buf[:0], t.chunk[t.off:]...)
	}
	t.skip += t.off
	t.chunk, t.off, t.lent = "", 0, false
}

// view is what is pending.
func (t *text) view() string {
	if len(t.buf) > 0 {
		return unsafe.String(&t.buf[0], len(t.buf))
	}
	return t.chunk[t.off:]
}

// take returns the first n bytes of what is pending and passes them.
func (t *text) take(n int) string {
	if len(t.buf) == 0 {
		s := t.chunk[t.off : t.off+n]
		t.off += n
		if t.lent {
			s = strings.Clone(s)
		}
		return s
	}
	s := string(t.buf[:n])
	t.chunk, t.off, t.buf = string(t.buf[n:]), 0, nil
	t.skip += n
	return s
}

// tell is the offset of the first byte of what is pending; next is that of the
// first byte that was not decoded.
func (t *text) tell(next int64) int64 {
	switch {
	case t.pending() == 0:
		return next
	case t.raw == nil:
		return t.base + int64(t.skip+t.off)
	}
	return t.base + int64(t.rawLen(t.skip+t.off))
}

// rawLen is how many bytes of raw give the first n bytes of its text. It goes on
// from where it was last.
func (t *text) rawLen(n int) int {
	if n < t.mark.text {
		t.mark.text, t.mark.raw = 0, 0
	}
	for t.mark.text < n && t.mark.raw < len(t.raw) {
		out, k := t.decodeChar(t.mark.raw)
		if len(out) == 1 && out[0] == '\r' && t.newline == UniversalNewline && t.mark.raw+k < len(t.raw) {
			if next, more := t.decodeChar(t.mark.raw + k); len(next) == 1 && next[0] == '\n' {
				k += more
			}
		}
		t.mark.text += len(out)
		t.mark.raw += k
	}
	return t.mark.raw
}

// encode gives p in the encoding and with the newlines of the file.
func (f *File) encode(p []byte, h how) ([]byte, error) {
	t := f.text
	switch t.newline {
	case NewlineCR:
		p = bytes.ReplaceAll(p, []byte{'\n'}, []byte{'\r'})
	case NewlineCRLF:
		p = bytes.ReplaceAll(p, []byte{'\n'}, []byte("\r\n"))
	}
	if err := f.learnOrder(h); err != nil {
		return nil, err
	}
	out, bad := encode(t.codec, nil, p, f.tell() == 0, t.errors)
	if bad != nil {
		return nil, bad
	}
	return out, nil
}

// learnOrder reads the byte order mark of a file that is not at its start.
func (f *File) learnOrder(h how) error {
	c, ok := f.text.codec.(*utfCodec)
	if !ok || c.order != nil || f.pos == 0 || f.stream || !f.mode.read {
		return nil
	}
	var head [4]byte
	n, err := f.readRaw(head[:], 0, h)
	if err != nil && err != io.EOF {
		return err
	}
	c.sniff(head[:n])
	return nil
}

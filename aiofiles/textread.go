package aiofiles

import (
	"bytes"
	"context"
	"io"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// decodeChar decodes one character of raw at i.
func (t *text) decodeChar(i int) (out []byte, used int) {
	src := t.raw[i:]
	for n := min(t.codec.unit(), len(src)); ; n++ {
		out, used, _ = decode(t.codec, t.scratch[:0], src[:n], t.base+int64(i), n == len(src), t.errors)
		if used > 0 || n == len(src) {
			return out, max(used, 1)
		}
	}
}

// moreText decodes more behind what is pending, or returns io.EOF.
func (f *File) moreText(h how) error {
	t := f.text
	if t.err != nil {
		return t.err
	}
	if t.lent {
		t.gather()
	}
	if f.r == f.w {
		if err := f.more(h); err == io.EOF && t.heldCR {
			f.decodeAhead(true)
			return nil
		} else if err != nil {
			return err
		}
	}
	if err := f.learnOrder(h); err != nil {
		return err
	}
	for final := false; ; {
		if f.decodeAhead(final) {
			return nil
		}
		err := f.more(h)
		if err == io.EOF {
			final = true
		} else if err != nil {
			return err
		}
	}
}

// decodeAhead decodes what was read ahead up to the last line end, or all of it
// if there is none. It reports false if it needs more to get anywhere.
func (f *File) decodeAhead(final bool) bool {
	t := f.text
	src := f.ahead()
	if len(src) > textChunk && !t.whole {
		src, final = src[:textChunk], false
	}
	ascii := t.codec.ascii()
	if i := bytes.LastIndexByte(src, '\n'); i >= 0 && ascii {
		src = src[:i+1]
	} else if t.byLine && ascii && !final && len(src) < textChunk {
		return false // the start of a line is worth nothing
	} else if !final && ascii && t.joinsCRLF() {
		src = bytes.TrimSuffix(src, []byte{'\r'})
	}
	if len(src) == 0 && !final {
		return false
	}
	if t.codec == utf8Codec && bytes.IndexByte(src, '\r') < 0 && utf8Valid(src) {
		f.accept(src, len(src), true)
		return true
	}
	out, used, bad := decode(t.codec, nil, src, f.pos, final && len(src) == f.w-f.r, t.errors)
	if t.heldCR {
		out, t.heldCR = append([]byte{'\r'}, out...), false
	}
	if n := len(out); !final && bad == nil && t.joinsCRLF() && n > 0 && out[n-1] == '\r' {
		out = out[:n-1]
		if t.codec.stateful() { // its bytes cannot be decoded again
			t.heldCR = true
		} else {
			used -= t.codec.unit()
		}
	}
	if used == 0 && bad == nil && !final {
		return false
	}
	if bad != nil {
		bad.Offset = f.pos + int64(used)
		t.err = bad
	}
	f.accept(t.universal(out), used, false)
	return true
}

// accept puts out, the text of the next used bytes, behind what is pending.
func (f *File) accept(out []byte, used int, same bool) {
	t := f.text
	if bytes.IndexByte(out, '\n') >= 0 && same {
		t.seen |= seenLF
	}
	src := f.ahead()[:used]
	switch {
	case t.pending() == 0:
		t.base, t.skip, t.raw = f.pos, 0, nil
		if !same {
			t.raw = bytes.Clone(src)
		}
		t.mark.text, t.mark.raw = 0, 0
		if t.off, t.lent = 0, t.lend && same; t.lent {
			t.chunk = unsafe.String(&out[0], len(out))
		} else {
			t.chunk = string(out)
		}
	default:
		t.gather()
		if t.raw == nil && !same {
			t.base += int64(t.skip)
			t.skip = 0
			t.raw = bytes.Clone(t.buf)
			t.mark.text, t.mark.raw = 0, 0
		}
		if t.raw != nil {
			t.raw = append(t.raw, src...)
		}
		t.buf = append(t.buf, out...)
		if t.raw != nil && t.skip > 4*textChunk {
			n := t.rawLen(t.skip)
			t.raw, t.base, t.skip = bytes.Clone(t.raw[n:]), t.base+int64(n), 0
			t.mark.text, t.mark.raw = 0, 0
		}
	}
	f.skip(used)
}

// universal notes which line ends out has, and makes each a \n if asked to.
func (t *text) universal(out []byte) []byte {
	crs := bytes.Count(out, []byte{'\r'})
	pairs := 0
	if crs > 0 {
		pairs = bytes.Count(out, []byte("\r\n"))
	}
	if pairs > 0 {
		t.seen |= seenCRLF
	}
	if crs > pairs {
		t.seen |= seenCR
	}
	if bytes.Count(out, []byte{'\n'}) > pairs {
		t.seen |= seenLF
	}
	if crs == 0 || t.newline != UniversalNewline {
		return out
	}
	w := 0
	for i, c := range out {
		if c == '\r' {
			if i+1 < len(out) && out[i+1] == '\n' {
				continue
			}
			c = '\n'
		}
		out[w] = c
		w++
	}
	return out[:w]
}

// lineEnd is the length of the first line of s, or -1 if it has no end from the
// byte from on.
func (t *text) lineEnd(s string, from int) int {
	var i int
	switch t.newline {
	case NewlineCR:
		i = strings.IndexByte(s[from:], '\r')
	case NewlineCRLF:
		if i = strings.Index(s[from:], "\r\n"); i >= 0 {
			i++
		}
	case KeepNewline:
		i = strings.IndexAny(s[from:], "\r\n")
		if i >= 0 && s[from+i] == '\r' && from+i+1 < len(s) && s[from+i+1] == '\n' {
			i++
		}
	default:
		i = strings.IndexByte(s[from:], '\n')
	}
	if i < 0 {
		return -1
	}
	return from + i + 1
}

// ReadText reads n characters, fewer only where the file ends: io.EOF if there are
// none. Negative n reads to the end. Of a binary file the characters are bytes.
//
// Python: read(n) of a text file.
func (f *File) ReadText(ctx context.Context, n int) (s string, err error) {
	if f.text == nil {
		b, err := f.ReadN(ctx, n)
		return string(b), err
	}
	length := 0
	err = f.call(ctx, "read", 0, func(h how) error {
		if err := f.startReading(h); err != nil {
			return err
		}
		if n < 0 {
			return f.wholeText(h)
		}
		counted := 0
		length = 0
		for {
			view := f.text.view()
			for counted < n && length < len(view) {
				_, size := utf8.DecodeRuneInString(view[length:])
				length += size
				counted++
			}
			if counted == n {
				return nil
			}
			if err := f.moreText(h); err == io.EOF && length > 0 {
				return nil
			} else if err != nil {
				return err
			}
		}
	}, func() {
		if n < 0 {
			length = f.text.pending()
		}
		s = f.text.take(length)
	})
	return s, err
}

// wholeText decodes to the end.
func (f *File) wholeText(h how) error {
	f.text.gather()
	f.room(f.rest() + 1)
	for {
		if err := f.more(h); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	f.text.whole = true
	defer func() { f.text.whole = false }()
	for {
		if err := f.moreText(h); err == io.EOF && f.text.pending() > 0 {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// readTextInto is Read of a text file.
func (f *File) readTextInto(ctx context.Context, p []byte) (n int, err error) {
	err = f.call(ctx, "read", 0, func(h how) error {
		if err := f.startReading(h); err != nil || len(p) == 0 {
			return err
		}
		for f.text.pending() == 0 {
			if err := f.moreText(h); err != nil {
				return err
			}
		}
		return nil
	}, func() { n = copy(p, f.text.take(min(len(p), f.text.pending()))) })
	return n, err
}

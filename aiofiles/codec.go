package aiofiles

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A codec is an encoding, a character at a time.
type codec interface {
	// name is Python's name of it.
	name() string
	// unit is how many bytes a line feed has.
	unit() int
	// ascii reports whether a byte below 128 at the start of a character is that
	// character of ASCII, and 0x0A is nowhere else.
	ascii() bool
	// stateful reports whether what bytes mean depends on those before.
	stateful() bool
	// one decodes the first character of src. n is 0 if src has only its start and is
	// not final; with a reason, the first n bytes are bad.
	one(src []byte, final bool) (r rune, n int, reason string)
	// put encodes r behind dst, or reports false.
	put(dst []byte, r rune) ([]byte, bool)
	// cannot says why put did not.
	cannot() string
}

// A handler is what becomes of bytes that are no text, and of text that has no bytes.
type handler int

const (
	strict handler = iota
	ignore
	replace
	backslashReplace
	xmlCharRefReplace
	surrogateEscape
)

func handlerFor(name string) (handler, error) {
	switch name {
	case "", "strict":
		return strict, nil
	case "ignore":
		return ignore, nil
	case "replace":
		return replace, nil
	case "backslashreplace":
		return backslashReplace, nil
	case "xmlcharrefreplace":
		return xmlCharRefReplace, nil
	case "surrogateescape":
		return surrogateEscape, nil
	}
	return 0, fmt.Errorf("%w: error handler %q", ErrEncoding, name)
}

// decode appends the text of src, which is at off in its file, to dst. It stops
// before a character that src has only the start of, and at one that is bad.
func decode(c codec, dst, src []byte, off int64, final bool, h handler) (out []byte, used int, bad *DecodeError) {
	if m, ok := c.(*utfCodec); ok && off == 0 {
		n, enough := m.mark(src, final)
		if !enough {
			return dst, 0, nil
		}
		if used = n; n == 0 && m.bom && m.width > 1 && len(src) >= m.width {
			return dst, 0, &DecodeError{Encoding: c.name(), Bytes: bytes.Clone(src[:m.width]), Reason: "Stream does not start with BOM"}
		}
	}
	ascii := c.ascii()
	for used < len(src) {
		if b := src[used]; ascii && b < utf8.RuneSelf {
			dst = append(dst, b)
			used++
			continue
		}
		r, n, reason := c.one(src[used:], final)
		switch {
		case n == 0:
			return dst, used, nil
		case reason == "" && r == noRune:
		case reason == "":
			dst = utf8.AppendRune(dst, r)
		default:
			mended := 0
			if dst, mended = h.mend(dst, src[used:used+n]); mended == 0 {
				return dst, used, &DecodeError{Encoding: c.name(), Bytes: bytes.Clone(src[used : used+n]), Reason: reason}
			}
			n = mended
		}
		used += n
	}
	return dst, used, nil
}

// mend appends what stands for bytes that are no text, and returns for how many.
func (h handler) mend(dst, bad []byte) ([]byte, int) {
	switch h {
	case ignore:
	case replace:
		dst = utf8.AppendRune(dst, utf8.RuneError)
	case backslashReplace:
		for _, b := range bad {
			dst = fmt.Appendf(dst, `\x%02x`, b)
		}
	case surrogateEscape:
		n := 0
		for n < len(bad) && bad[n] >= utf8.RuneSelf {
			n++
		}
		return append(dst, bad[:n]...), n
	default:
		return dst, 0
	}
	return dst, len(bad)
}

// encode appends the bytes of the text p to dst, behind a byte order mark if the
// encoding has one and first is set.
func encode(c codec, dst, p []byte, first bool, h handler) ([]byte, *EncodeError) {
	if m, ok := c.(*utfCodec); ok && m.bom && first {
		dst = m.putMark(dst)
	}
	if c == utf8Codec && utf8Valid(p) {
		return append(dst, p...), nil
	}
	for i := 0; i < len(p); {
		r, size := utf8.DecodeRune(p[i:])
		raw := r == utf8.RuneError && size == 1
		ok := false
		if !raw {
			dst, ok = c.put(dst, r)
		}
		if !ok {
			if dst, ok = h.substitute(c, dst, r, p[i:i+size], raw); !ok {
				return nil, &EncodeError{Encoding: c.name(), Index: i, Text: string(p[i : i+size]), Reason: c.cannot()}
			}
		}
		i += size
	}
	if shift, ok := c.(*shiftCodec); ok {
		dst = shift.home(dst)
	}
	return dst, nil
}

// substitute appends what stands for a character without bytes, or for a byte that
// is no character (raw), whose number in Python is 0xDC00 above.
func (h handler) substitute(c codec, dst []byte, r rune, p []byte, raw bool) ([]byte, bool) {
	if raw {
		r = 0xDC00 + rune(p[0])
	}
	var s string
	switch h {
	case ignore:
		return dst, true
	case replace:
		s = "?"
	case backslashReplace:
		switch {
		case r < 0x100:
			s = fmt.Sprintf(`\x%02x`, r)
		case r < 0x10000:
			s = fmt.Sprintf(`\u%04x`, r)
		default:
			s = fmt.Sprintf(`\U%08x`, r)
		}
	case xmlCharRefReplace:
		s = "&#" + strconv.Itoa(int(r)) + ";"
	case surrogateEscape:
		if c.unit() > 1 {
			return dst, false // a byte is no unit of these
		}
		if raw {
			return append(dst, p...), true
		}
		// Bytes that are no text here may be a character of UTF-8 in a row.
		for i := range p {
			if _, n, reason := c.one(p[i:i+1], true); n != 1 || reason == "" {
				return dst, false
			}
		}
		return append(dst, p...), true
	default:
		return dst, false
	}
	for _, r := range s {
		var ok bool
		if dst, ok = c.put(dst, r); !ok {
			return dst, false
		}
	}
	return dst, true
}

// utf8Type is UTF-8 without a byte order mark.
type utf8Type struct{}

var utf8Codec codec = utf8Type{}

func (utf8Type) name() string   { return "utf-8" }
func (utf8Type) unit() int      { return 1 }
func (utf8Type) ascii() bool    { return true }
func (utf8Type) stateful() bool { return false }
func (utf8Type) cannot() string { return "surrogates not allowed" }

func (utf8Type) put(dst []byte, r rune) ([]byte, bool) { return utf8.AppendRune(dst, r), true }

func (utf8Type) one(src []byte, final bool) (rune, int, string) {
	if r, n := utf8.DecodeRune(src); r != utf8.RuneError || n != 1 {
		return r, n, ""
	}
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch b := src[0]; {
	case b >= 0xC2 && b <= 0xDF:
		need = 2
	case b == 0xE0:
		need, low = 3, 0xA0
	case b == 0xED:
		need, high = 3, 0x9F
	case b >= 0xE1 && b <= 0xEF:
		need = 3
	case b == 0xF0:
		need, low = 4, 0x90
	case b == 0xF4:
		need, high = 4, 0x8F
	case b >= 0xF1 && b <= 0xF3:
		need = 4
	default:
		return 0, 1, "invalid start byte"
	}
	for i := 1; i < need; i++ {
		if i == len(src) {
			if final {
				return 0, i, "unexpected end of data"
			}
			return 0, 0, ""
		}
		if src[i] < low || src[i] > high {
			return 0, i, "invalid continuation byte"
		}
		low, high = 0x80, 0xBF
	}
	return 0, 1, "invalid start byte"
}

// utf8Valid is utf8.Valid with a faster way through ASCII.
func utf8Valid(p []byte) bool {
	for len(p) >= 32 {
		a := binary.LittleEndian.Uint64(p) | binary.LittleEndian.Uint64(p[8:])
		b := binary.LittleEndian.Uint64(p[16:]) | binary.LittleEndian.Uint64(p[24:])
		if (a|b)&0x8080808080808080 != 0 {
			return utf8.Valid(p)
		}
		p = p[32:]
	}
	return utf8.Valid(p)
}

// latinCodec is ASCII and Latin-1: bytes below a limit are characters of the same number.
type latinCodec struct {
	called string
	limit  rune
}

func (c latinCodec) name() string   { return c.called }
func (c latinCodec) unit() int      { return 1 }
func (c latinCodec) ascii() bool    { return true }
func (c latinCodec) stateful() bool { return false }
func (c latinCodec) cannot() string { return fmt.Sprintf("ordinal not in range(%d)", c.limit) }

func (c latinCodec) one(src []byte, _ bool) (rune, int, string) {
	if r := rune(src[0]); r < c.limit {
		return r, 1, ""
	}
	return 0, 1, c.cannot()
}

func (c latinCodec) put(dst []byte, r rune) ([]byte, bool) {
	if r >= c.limit {
		return dst, false
	}
	return append(dst, byte(r)), true
}

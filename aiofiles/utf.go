package aiofiles

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// utfCodec is UTF-16, UTF-32 and UTF-8 with a byte order mark. It belongs to one
// file, whose byte order it learns.
type utfCodec struct {
	called string
	width  int // bytes of a unit: 1, 2 or 4
	bom    bool
	order  binary.ByteOrder // nil until known
}

func (c *utfCodec) name() string   { return c.called }
func (c *utfCodec) unit() int      { return c.width }
func (c *utfCodec) ascii() bool    { return c.width == 1 }
func (c *utfCodec) stateful() bool { return false }
func (c *utfCodec) cannot() string { return "surrogates not allowed" }

// endian is the byte order, the machine's if nothing told another.
func (c *utfCodec) endian() binary.ByteOrder {
	if c.order != nil {
		return c.order
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// value reads one unit.
func (c *utfCodec) value(p []byte, order binary.ByteOrder) rune {
	if c.width == 2 {
		return rune(order.Uint16(p))
	}
	return rune(order.Uint32(p))
}

func (c *utfCodec) append(dst []byte, v rune) []byte {
	n := len(dst)
	dst = append(dst, make([]byte, c.width)...)
	if c.width == 2 {
		c.endian().PutUint16(dst[n:], uint16(v))
	} else {
		c.endian().PutUint32(dst[n:], uint32(v))
	}
	return dst
}

// sniff learns the byte order from the first bytes of a file and returns the length
// of the mark.
func (c *utfCodec) sniff(head []byte) int {
	switch {
	case !c.bom:
		return 0
	case c.width == 1:
		if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
			return 3
		}
		return 0
	case len(head) < c.width:
		return 0
	case c.value(head, binary.LittleEndian) == 0xFEFF:
		c.order = binary.LittleEndian
	case c.value(head, binary.BigEndian) == 0xFEFF:
		c.order = binary.BigEndian
	default:
		c.order = c.endian()
		return 0
	}
	return c.width
}

// mark is sniff for the start of a file. It reports false if that is not there yet.
func (c *utfCodec) mark(src []byte, final bool) (n int, enough bool) {
	if c.bom && c.width == 1 && final && len(src) < 3 && bytes.HasPrefix([]byte("\xef\xbb\xbf"), src) {
		return len(src), true // Python passes over the start of a mark as well
	}
	if c.bom && !final {
		switch {
		case c.width == 1 && len(src) < 3 && bytes.HasPrefix([]byte("\xef\xbb\xbf"), src):
			return 0, false
		case len(src) < c.width:
			return 0, false
		}
	}
	return c.sniff(src), true
}

func (c *utfCodec) putMark(dst []byte) []byte {
	if c.width == 1 {
		return append(dst, "\xef\xbb\xbf"...)
	}
	if c.order == nil {
		c.order = c.endian()
	}
	return c.append(dst, 0xFEFF)
}

func (c *utfCodec) one(src []byte, final bool) (rune, int, string) {
	switch {
	case c.width == 1:
		return utf8Codec.one(src, final)
	case len(src) < c.width && final:
		return 0, len(src), "truncated data"
	case len(src) < c.width:
		return 0, 0, ""
	}
	v := c.value(src, c.endian())
	switch {
	case c.width == 4 && (v < 0 || v > 0x10FFFF):
		return 0, 4, "code point not in range(0x110000)"
	case c.width == 4 && utf16.IsSurrogate(v):
		return 0, 4, "code point in surrogate code point range(0xd800, 0xe000)"
	case !utf16.IsSurrogate(v):
		return v, c.width, ""
	case v >= 0xDC00:
		return 0, 2, "illegal encoding"
	case len(src) < 4 && final:
		return 0, len(src), "unexpected end of data"
	case len(src) < 4:
		return 0, 0, ""
	}
	if low := c.value(src[2:], c.endian()); low >= 0xDC00 && low <= 0xDFFF {
		return utf16.DecodeRune(v, low), 4, ""
	}
	return 0, 2, "illegal UTF-16 surrogate"
}

func (c *utfCodec) put(dst []byte, r rune) ([]byte, bool) {
	switch {
	case c.width == 1:
		return utf8Codec.put(dst, r)
	case c.width == 4 || r < 0x10000:
		return c.append(dst, r), true
	}
	high, low := utf16.EncodeRune(r)
	return c.append(c.append(dst, high), low), true
}

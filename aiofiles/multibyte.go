package aiofiles

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/transform"
)

// multibyteOf gives the encoding of a Python module with several bytes a character.
func multibyteOf(module string) encoding.Encoding {
	switch module {
	case "big5", "cp950":
		return traditionalchinese.Big5
	case "cp932", "shift_jis":
		return japanese.ShiftJIS
	case "euc_jp":
		return japanese.EUCJP
	case "cp949", "euc_kr":
		return korean.EUCKR
	case "gb2312", "gbk":
		return simplifiedchinese.GBK
	case "gb18030":
		return simplifiedchinese.GB18030
	case "iso2022_jp":
		return japanese.ISO2022JP
	case "hz":
		return simplifiedchinese.HZGB2312
	}
	return nil
}

// multibyteCodec is an encoding of one to four bytes a character, where no
// character but the ASCII ones begins with a byte below 128.
type multibyteCodec struct {
	called string
	enc    encoding.Encoding
	single [256]rune      // 0: none
	double [256][256]rune // 0: none
	triple [256][256]rune // behind 8F in EUC-JP
	codes  map[rune]uint32
}

var multibytes sync.Map // name of a module → *multibyteCodec, made at first use

func multibyte(module string) *multibyteCodec {
	if c, ok := multibytes.Load(module); ok {
		return c.(*multibyteCodec)
	}
	c := plainMultibyte(module)
	for _, r := range multibyteRuns[module] {
		for i := range uint32(r.n) {
			char := r.char
			if char != 0 {
				char += rune(i)
			}
			c.set(r.code+i, char)
		}
	}
	c.invert(module)
	multibytes.Store(module, c)
	return c
}

// run16 is a run of codes that are a run of characters.
type run16 struct {
	code uint32
	n    uint16
	char rune
}

// plainMultibyte is what x/text has.
func plainMultibyte(module string) *multibyteCodec {
	c := &multibyteCodec{called: codecNames[module], enc: multibyteOf(module)}
	dec := c.enc.NewDecoder()
	for lead := 0x80; lead < 256; lead++ {
		c.single[lead] = decodeOne(dec, []byte{byte(lead)})
		for trail := 0x21; trail < 256; trail++ {
			c.double[lead][trail] = decodeOne(dec, []byte{byte(lead), byte(trail)})
			if module == "euc_jp" {
				c.triple[lead][trail] = decodeOne(dec, []byte{0x8F, byte(lead), byte(trail)})
			}
		}
	}
	return c
}

// cell is where the character of a code of one to three bytes is.
func (c *multibyteCodec) cell(code uint32) *rune {
	lead, trail := byte(code>>8), byte(code)
	switch {
	case code > 0xFFFF:
		return &c.triple[lead][trail]
	case code > 0xFF:
		return &c.double[lead][trail]
	}
	return &c.single[trail]
}

func (c *multibyteCodec) set(code uint32, char rune) { *c.cell(code) = char }

// at is the character of seq, or 0.
func (c *multibyteCodec) at(seq []byte) rune {
	code := uint32(0)
	for _, b := range seq {
		code = code<<8 | uint32(b)
	}
	return *c.cell(code)
}

// invert makes the way back. Of several codes for a character it takes the first,
// but for those in multibyteBack.
func (c *multibyteCodec) invert(module string) {
	c.codes = map[rune]uint32{}
	add := func(code uint32, char rune) {
		if _, ok := c.codes[char]; !ok && char != 0 {
			c.codes[char] = code
		}
	}
	for lead := uint32(0x80); lead < 256; lead++ {
		add(lead, c.single[lead])
		for trail := uint32(0x21); trail < 256; trail++ {
			add(lead<<8|trail, c.double[lead][trail])
		}
	}
	for lead := uint32(0x80); lead < 256; lead++ {
		for trail := uint32(0x21); trail < 256; trail++ {
			add(0x8F0000|lead<<8|trail, c.triple[lead][trail])
		}
	}
	for _, r := range multibyteBack[module] {
		for i := range uint32(r.n) {
			c.codes[r.char+rune(i)] = r.code + i
		}
	}
}

// decodeOne returns the one character that src is, or 0.
func decodeOne(dec *encoding.Decoder, src []byte) rune {
	var dst [16]byte
	dec.Reset()
	n, used, err := dec.Transform(dst[:], src, true)
	r, size := utf8.DecodeRune(dst[:n])
	if err != nil || used != len(src) || size != n || r == utf8.RuneError {
		return 0
	}
	return r
}

func (c *multibyteCodec) name() string   { return c.called }
func (c *multibyteCodec) unit() int      { return 1 }
func (c *multibyteCodec) ascii() bool    { return true }
func (c *multibyteCodec) stateful() bool { return false }
func (c *multibyteCodec) cannot() string { return "illegal multibyte sequence" }

func (c *multibyteCodec) one(src []byte, final bool) (rune, int, string) {
	lead := src[0]
	if lead < 0x80 {
		return rune(lead), 1, ""
	}
	if r := c.single[lead]; r != 0 {
		return r, 1, ""
	}
	need := 2
	switch {
	case len(src) < 2:
	case c.called == "gb18030" && src[1] >= '0' && src[1] <= '9':
		need = 4
	case c.called == "euc_jp" && lead == 0x8F:
		need = 3
	}
	switch {
	case len(src) < need && final:
		return 0, len(src), "incomplete multibyte sequence"
	case len(src) < need:
		return 0, 0, ""
	}
	var r rune
	switch need {
	case 2:
		r = c.double[lead][src[1]]
	case 3:
		r = c.triple[src[1]][src[2]]
	case 4:
		r = decodeOne(c.enc.NewDecoder(), src[:4])
	}
	if r == 0 {
		return 0, 1, c.cannot()
	}
	return r, need, ""
}

func (c *multibyteCodec) put(dst []byte, r rune) ([]byte, bool) {
	if r < utf8.RuneSelf {
		return append(dst, byte(r)), true
	}
	code, ok := c.codes[r]
	switch {
	case ok && code > 0xFFFF:
		return append(dst, byte(code>>16), byte(code>>8), byte(code)), true
	case ok && code > 0xFF:
		return append(dst, byte(code>>8), byte(code)), true
	case ok:
		return append(dst, byte(code)), true
	case c.called != "gb18030":
		return dst, false
	}
	var src [utf8.UTFMax]byte
	var out [8]byte
	n, _, err := c.enc.NewEncoder().Transform(out[:], src[:utf8.EncodeRune(src[:], r)], true)
	if err != nil || n != 4 {
		return dst, false
	}
	return append(dst, out[:n]...), true
}

// shiftCodec is an encoding with shifts between character sets. It belongs to one
// file, whose present set it knows.
type shiftCodec struct {
	called string
	dec    *encoding.Decoder
	enc    *encoding.Encoder
}

func newShift(module string) *shiftCodec {
	e := multibyteOf(module)
	return &shiftCodec{codecNames[module], e.NewDecoder(), e.NewEncoder()}
}

func (c *shiftCodec) name() string   { return c.called }
func (c *shiftCodec) unit() int      { return 1 }
func (c *shiftCodec) ascii() bool    { return false }
func (c *shiftCodec) stateful() bool { return true }
func (c *shiftCodec) cannot() string { return "illegal multibyte sequence" }

// noRune is what a shift decodes to.
const noRune = -1

func (c *shiftCodec) one(src []byte, final bool) (rune, int, string) {
	var dst [utf8.UTFMax]byte
	for k := 1; ; k++ {
		n, used, err := c.dec.Transform(dst[:], src[:min(k, len(src))], final && k >= len(src))
		switch r, _ := utf8.DecodeRune(dst[:n]); {
		case n > 0 && r == utf8.RuneError:
			return 0, max(used, 1), c.cannot()
		case n > 0:
			return r, used, ""
		case used > 0:
			return noRune, used, ""
		case k < len(src) && err == transform.ErrShortSrc:
		case final:
			return 0, len(src), "incomplete multibyte sequence"
		default:
			return 0, 0, ""
		}
	}
}

func (c *shiftCodec) put(dst []byte, r rune) ([]byte, bool) {
	var src [utf8.UTFMax]byte
	var out [16]byte
	n, _, err := c.enc.Transform(out[:], src[:utf8.EncodeRune(src[:], r)], false)
	if err != nil {
		return dst, false
	}
	return append(dst, out[:n]...), true
}

// home shifts back to ASCII, so that what is written next can begin there.
func (c *shiftCodec) home(dst []byte) []byte {
	var out [16]byte
	n, _, _ := c.enc.Transform(out[:], []byte{'\n'}, false)
	c.enc.Reset()
	if n > 0 && out[n-1] == '\n' {
		n--
	}
	return append(dst, out[:n]...)
}

func (c *shiftCodec) reset() {
	c.dec.Reset()
	c.enc.Reset()
}

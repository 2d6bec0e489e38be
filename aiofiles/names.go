package aiofiles

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// codecFor finds an encoding by one of its names in Python.
func codecFor(name string) (codec, error) {
	if name == "" {
		return utf8Codec, nil
	}
	module, ok := pythonNames[normalize(name)]
	if !ok {
		if near := nearNames[strings.ReplaceAll(normalize(name), "_", "")]; near != "" {
			return nil, fmt.Errorf("%w: %q is not among those of this package; near it are %s", ErrEncoding, name, near)
		}
		return nil, fmt.Errorf("%w: %q", ErrEncoding, name)
	}
	called := codecNames[module]
	switch module {
	case "utf_8":
		return utf8Codec, nil
	case "utf_8_sig":
		return &utfCodec{called: called, width: 1, bom: true}, nil
	case "ascii":
		return latinCodec{called, 128}, nil
	case "latin_1":
		return latinCodec{called, 256}, nil
	case "utf_16":
		return &utfCodec{called: called, width: 2, bom: true}, nil
	case "utf_16_le":
		return &utfCodec{called: called, width: 2, order: binary.LittleEndian}, nil
	case "utf_16_be":
		return &utfCodec{called: called, width: 2, order: binary.BigEndian}, nil
	case "utf_32":
		return &utfCodec{called: called, width: 4, bom: true}, nil
	case "utf_32_le":
		return &utfCodec{called: called, width: 4, order: binary.LittleEndian}, nil
	case "utf_32_be":
		return &utfCodec{called: called, width: 4, order: binary.BigEndian}, nil
	case "iso2022_jp", "hz":
		return newShift(module), nil
	}
	if multibyteOf(module) != nil {
		return multibyte(module), nil
	}
	return charmap(module), nil
}

// nearNames has the encodings of Python that are not here, without underscores, and
// what may do instead.
var nearNames = map[string]string{
	"utf7":          "utf-8 and utf-16",
	"big5hkscs":     "big5 and cp950",
	"johab":         "cp949 and euc_kr",
	"eucjis2004":    "euc_jp",
	"eucjisx0213":   "euc_jp",
	"shiftjis2004":  "shift_jis and cp932",
	"shiftjisx0213": "shift_jis and cp932",
	"iso2022jp1":    "iso2022_jp and euc_jp",
	"iso2022jp2":    "iso2022_jp and euc_jp",
	"iso2022jp2004": "iso2022_jp and euc_jp",
	"iso2022jp3":    "iso2022_jp and euc_jp",
	"iso2022jpext":  "iso2022_jp and euc_jp",
	"iso2022kr":     "euc_kr",
}

// normalize makes every way to write a name the same, as Python does: one
// underscore for what is neither letter, digit nor dot.
func normalize(name string) string {
	var b strings.Builder
	gap := false
	for _, c := range strings.ToLower(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.':
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(c)
		default:
			gap = true
		}
	}
	return b.String()
}

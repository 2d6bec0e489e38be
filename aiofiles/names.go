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

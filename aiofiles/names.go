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
	key := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(name))
	switch key {
	case "utf_8", "utf8", "u8", "utf", "cp65001", "utf8_ucs2", "utf8_ucs4":
		return utf8Codec, nil
	case "utf_8_sig", "utf8_sig":
		return &utfCodec{called: "utf-8-sig", width: 1, bom: true}, nil
	case "ascii", "646", "us_ascii", "ansi_x3.4_1968", "iso646_us", "us", "cp367", "ibm367":
		return latinCodec{"ascii", 128}, nil
	case "latin_1", "latin1", "latin", "l1", "iso_8859_1", "iso8859_1", "8859", "cp819", "iso8859", "ibm819", "iso_ir_100":
		return latinCodec{"iso8859-1", 256}, nil
	case "utf_16", "utf16", "u16":
		return &utfCodec{called: "utf-16", width: 2, bom: true}, nil
	case "utf_16_le", "utf_16le", "unicodelittleunmarked":
		return &utfCodec{called: "utf-16-le", width: 2, order: binary.LittleEndian}, nil
	case "utf_16_be", "utf_16be", "unicodebigunmarked":
		return &utfCodec{called: "utf-16-be", width: 2, order: binary.BigEndian}, nil
	case "utf_32", "utf32", "u32":
		return &utfCodec{called: "utf-32", width: 4, bom: true}, nil
	case "utf_32_le", "utf_32le":
		return &utfCodec{called: "utf-32-le", width: 4, order: binary.LittleEndian}, nil
	case "utf_32_be", "utf_32be":
		return &utfCodec{called: "utf-32-be", width: 4, order: binary.BigEndian}, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrEncoding, name)
}

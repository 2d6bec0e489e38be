package aiohttp

import (
	"bytes"
	"fmt"
	"mime"
	"strings"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// lookupEncoding finds an encoding by the name that Python or the web gives it.
func lookupEncoding(name string) (encoding.Encoding, error) {
	n := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	switch n {
	case "latin-1", "latin1", "l1", "iso8859-1", "iso-8859-1", "8859":
		// Python's latin-1 is every byte as its code point; the web's is windows-1252.
		return charmap.ISO8859_1, nil
	case "utf-8-sig", "u8", "utf", "utf8", "utf-8", "ascii", "us-ascii", "646":
		return unicode.UTF8BOM, nil
	case "utf-16", "u16", "utf16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case "utf-16le", "utf-16-le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), nil
	case "utf-16be", "utf-16-be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), nil
	case "utf-32", "u32", "utf32":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), nil
	case "cp936", "ms936":
		n = "gbk"
	case "cp949", "uhc", "ms949":
		n = "euc-kr"
	case "cp932", "ms932", "sjis", "s-jis", "shiftjis":
		n = "shift_jis"
	case "cp950", "big5-tw":
		n = "big5"
	case "eucjp", "ujis":
		n = "euc-jp"
	case "euckr":
		n = "euc-kr"
	case "shift-jis":
		n = "shift_jis"
	}
	for _, try := range []string{n, strings.Replace(n, "cp125", "windows-125", 1), strings.Replace(n, "iso8859", "iso-8859", 1)} {
		if e, _ := charset.Lookup(try); e != nil {
			return e, nil
		}
	}
	return nil, fmt.Errorf("unknown encoding %q", name)
}

// encodingOf finds the encoding of a body: a byte order mark, the charset of its
// Content-Type, the meta element of an HTML page, else UTF-8.
func encodingOf(body []byte, contentType string) (encoding.Encoding, string) {
	switch {
	case bytes.HasPrefix(body, []byte{0xef, 0xbb, 0xbf}):
		return unicode.UTF8BOM, "utf-8"
	case bytes.HasPrefix(body, []byte{0xff, 0xfe}), bytes.HasPrefix(body, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16"
	}
	mediaType, params, _ := mime.ParseMediaType(contentType)
	if name := params["charset"]; name != "" {
		// The header's labels are the web's: gb2312 is read as gbk, latin1 as windows-1252.
		if e, canonical := charset.Lookup(name); e != nil {
			return e, canonical
		}
		if e, err := lookupEncoding(name); err == nil {
			return e, strings.ToLower(name)
		}
	}
	if mediaType == "" || mediaType == "text/html" || mediaType == "application/xhtml+xml" {
		// windows-1252 is the detector's way to say that it found nothing.
		if e, name, _ := charset.DetermineEncoding(body, ""); name != "windows-1252" || declares1252(body) {
			return e, name
		}
	}
	return unicode.UTF8BOM, "utf-8"
}

// declares1252 reports whether an HTML head names windows-1252 or one of its labels.
func declares1252(body []byte) bool {
	head := bytes.ToLower(body[:min(len(body), 1024)])
	_, after, ok := bytes.Cut(head, []byte("charset="))
	if !ok {
		return false
	}
	label := bytes.Trim(after, `"' `)
	end := bytes.IndexAny(label, "\"'>/; \t\r\n")
	if end < 0 {
		return false
	}
	_, name := charset.Lookup(string(label[:end]))
	return name == "windows-1252"
}

// decodeText decodes body; what is not valid becomes U+FFFD.
func decodeText(body []byte, e encoding.Encoding) (string, error) {
	if e == unicode.UTF8BOM {
		body = bytes.TrimPrefix(body, []byte{0xef, 0xbb, 0xbf})
		return strings.ToValidUTF8(string(body), "\ufffd"), nil
	}
	out, err := e.NewDecoder().Bytes(body)
	return string(out), err
}

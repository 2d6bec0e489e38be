package aiohttp

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// A FormField is one field of a form: a value, or a Body that is uploaded.
type FormField struct {
	Name  string
	Value string
	// Body, if not nil, is sent instead of Value.
	Body *Body
	// FileName is told to the server; a field with one is a file.
	FileName string
	// ContentType of the part. Default: the Body's, by the ending of FileName if that is known.
	ContentType string
}

// Form is a form of values: urlencoded, or multipart if a field has a Body or a FileName.
// Fields keep their order and may repeat.
//
// Python: aiohttp.FormData.
func Form(fields ...FormField) *Body {
	for _, f := range fields {
		if f.Body != nil || f.FileName != "" {
			return Multipart(fields...)
		}
	}
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.Name) + "=" + url.QueryEscape(f.Value))
	}
	body := Bytes([]byte(b.String()))
	body.contentType = "application/x-www-form-urlencoded"
	return body
}

// FormValues is [Form] of values sorted by name.
func FormValues(v url.Values) *Body {
	body := Bytes([]byte(v.Encode()))
	body.contentType = "application/x-www-form-urlencoded"
	return body
}

// Multipart is a multipart/form-data body (RFC 7578). Its length is known if
// those of all its parts are; it is replayable if all parts are.
func Multipart(fields ...FormField) *Body {
	boundary := newBoundary()
	type part struct {
		head string
		body *Body
	}
	parts := make([]part, 0, len(fields))
	end := "--" + boundary + "--\r\n"
	length, replayable := int64(len(end)), true
	for _, f := range fields {
		head, body, err := partHead(boundary, f)
		if err != nil {
			return Open(-1, func() (io.ReadCloser, error) { return nil, err })
		}
		parts = append(parts, part{head, body})
		replayable = replayable && body.Replayable()
		if body.Len() < 0 || length < 0 {
			length = -1
			continue
		}
		length += int64(len(head)) + body.Len() + 2
	}
	return &Body{
		contentType: "multipart/form-data; boundary=" + boundary,
		length:      length,
		replayable:  replayable,
		open: func() (io.ReadCloser, error) {
			var m multiReadCloser
			for _, p := range parts {
				r, err := p.body.reader()
				if err != nil {
					m.Close()
					return nil, err
				}
				m.closers = append(m.closers, r)
				m.readers = append(m.readers, strings.NewReader(p.head), r, strings.NewReader("\r\n"))
			}
			m.Reader = io.MultiReader(append(m.readers, strings.NewReader(end))...)
			return &m, nil
		},
	}
}

func newBoundary() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func partHead(boundary string, f FormField) (string, *Body, error) {
	body, contentType := f.Body, f.ContentType
	if body == nil {
		body = Bytes([]byte(f.Value))
	} else if contentType == "" {
		contentType = body.contentType
		if t := mime.TypeByExtension(path.Ext(f.FileName)); t != "" {
			contentType = t
		}
	}
	if strings.ContainsAny(contentType, "\r\n\x00") {
		return "", nil, &caused{ErrInvalidRequest, fmt.Errorf("content type %q", contentType)}
	}
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + escapeField(f.Name) + "\""
	if f.FileName != "" {
		head += "; filename=\"" + escapeField(filepath.Base(f.FileName)) + "\""
	}
	if contentType != "" {
		head += "\r\nContent-Type: " + contentType
	}
	if body.Len() >= 0 && f.Body != nil {
		head += "\r\nContent-Length: " + strconv.FormatInt(body.Len(), 10)
	}
	return head + "\r\n\r\n", body, nil
}

// escapeField writes a name as browsers do (HTML, multipart/form-data encoding algorithm).
var escapeField = strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22", "\x00", "%00").Replace

type multiReadCloser struct {
	io.Reader
	readers []io.Reader
	closers []io.Closer
}

func (m *multiReadCloser) Close() error {
	for _, c := range m.closers {
		c.Close()
	}
	return nil
}

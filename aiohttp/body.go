package aiohttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

// A Body is what a request sends. There is one rule: a body is replayable
// (bytes, a file's name, a function that opens it) or it is not (a reader). What
// must be sent again, after a redirect, a retry, a challenge or on a second
// connection, needs a replayable body; another one gives [ErrBodyConsumed] there,
// never an empty or a short request.
//
// A Body may be used for any number of requests at once if it is replayable.
//
// Python: aiohttp.Payload and its registry.
type Body struct {
	contentType string
	length      int64 // -1: unknown
	open        func() (io.ReadCloser, error)
	replayable  bool
	data        []byte      // of a body in memory
	inMemory    bool        // data is the body
	used        atomic.Bool // of a body that is not replayable
}

// Bytes is a body of the given bytes, which must not change while requests use them.
func Bytes(b []byte) *Body {
	return &Body{contentType: "application/octet-stream", length: int64(len(b)), replayable: true, data: b, inMemory: true}
}

// Text is a body of UTF-8 text.
func Text(s string) *Body {
	b := Bytes([]byte(s))
	b.contentType = "text/plain; charset=utf-8"
	return b
}

// JSON is a body of v in JSON. An error of the encoding is returned by the request.
func JSON(v any) *Body {
	data, err := json.Marshal(v)
	if err != nil {
		return Open(-1, func() (io.ReadCloser, error) { return nil, fmt.Errorf("encoding JSON: %w", err) })
	}
	b := Bytes(data)
	b.contentType = "application/json"
	return b
}

// Reader is a body read from r once: it is not replayable. It is closed after
// the request, also one that failed before, if it is an [io.Closer]. Its length is known if r is a
// [bytes.Reader], [bytes.Buffer], [strings.Reader] or regular [os.File] (from its
// offset on); another one is sent in chunks.
//
// r is read by a goroutine of the connection. When a request returned because
// its ctx ended, a Read that had begun may still be running.
func Reader(r io.Reader) *Body {
	b := &Body{contentType: "application/octet-stream", length: -1}
	switch v := r.(type) {
	case interface{ Len() int }: // bytes.Reader, bytes.Buffer, strings.Reader
		b.length = int64(v.Len())
	case *os.File:
		b.length = restOfFile(v)
	}
	rc, ok := r.(io.ReadCloser)
	if !ok {
		rc = io.NopCloser(r)
	}
	b.open = func() (io.ReadCloser, error) { return rc, nil }
	return b
}

func restOfFile(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil || at > info.Size() {
		return -1
	}
	return info.Size() - at
}

// File is the content of the named file. It is opened for each sending, so it is replayable.
// The file must not change its length meanwhile.
func File(name string) *Body {
	length := int64(-1)
	info, err := os.Stat(name)
	if err == nil && info.Mode().IsRegular() {
		length = info.Size()
	}
	return Open(length, func() (io.ReadCloser, error) { return os.Open(name) })
}

// FSFile is [File] in a file system.
func FSFile(fsys fs.FS, name string) *Body {
	length := int64(-1)
	if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() {
		length = info.Size()
	}
	return Open(length, func() (io.ReadCloser, error) { return fsys.Open(name) })
}

// Open is a replayable body: open gives it from its beginning, each time it is
// sent. length is -1 if it is not known.
func Open(length int64, open func() (io.ReadCloser, error)) *Body {
	return &Body{contentType: "application/octet-stream", length: length, open: open, replayable: true}
}

// Typed returns b with another Content-Type. A header of the request goes first.
// A body that is not replayable is handed over: b cannot be sent any more.
func (b *Body) Typed(contentType string) *Body {
	c := &Body{contentType: contentType, length: b.length, open: b.open, replayable: b.replayable, data: b.data, inMemory: b.inMemory}
	if !b.replayable {
		c.used.Store(b.used.Swap(true))
	}
	return c
}

// Replayable reports whether b can be sent more than once.
func (b *Body) Replayable() bool { return b == nil || b.replayable }

// Len returns the length in bytes, or -1 if it is not known.
func (b *Body) Len() int64 {
	if b == nil {
		return 0
	}
	return b.length
}

// canSend reports whether b can be sent (again).
func (b *Body) canSend() bool { return b == nil || b.replayable || !b.used.Load() }

// reader opens b for one sending.
func (b *Body) reader() (io.ReadCloser, error) {
	if b == nil || b.length == 0 && b.inMemory {
		return http.NoBody, nil
	}
	if b.inMemory {
		return io.NopCloser(bytes.NewReader(b.data)), nil
	}
	if !b.replayable && b.used.Swap(true) {
		return nil, ErrBodyConsumed
	}
	return b.open()
}

// inMemoryUpTo reports whether b is n bytes at most, and at hand.
func (b *Body) inMemoryUpTo(n int64) bool {
	return b != nil && b.inMemory && b.length > 0 && b.length <= n
}

// discard closes a body that was never sent, as net/http does: whoever handed a
// reader over need not look whether it got that far.
func (b *Body) discard() {
	if b == nil || b.replayable || b.used.Swap(true) {
		return
	}
	if r, err := b.open(); err == nil {
		r.Close()
	}
}

// compressed returns b encoded on the fly. It is as replayable as b.
func (b *Body) compressed(coding string) (*Body, error) {
	encoder, ok := encoders[strings.ToLower(coding)]
	if !ok {
		return nil, &caused{ErrInvalidRequest, fmt.Errorf("no compression %q", coding)}
	}
	return &Body{contentType: b.contentType, length: -1, replayable: b.replayable, open: func() (io.ReadCloser, error) {
		src, err := b.reader()
		if err != nil {
			return nil, err
		}
		return newEncodingReader(src, encoder)
	}}, nil
}

// An encodingReader reads the encoded form of src. It needs no goroutine: what
// one piece of src became is kept until it is read.
type encodingReader struct {
	src io.ReadCloser
	enc io.WriteCloser
	out bytes.Buffer
	buf []byte
	err error
}

func newEncodingReader(src io.ReadCloser, encoder func(io.Writer) (io.WriteCloser, error)) (io.ReadCloser, error) {
	r := &encodingReader{src: src, buf: make([]byte, 32<<10)}
	enc, err := encoder(&r.out)
	if err != nil {
		src.Close()
		return nil, err
	}
	r.enc = enc
	return r, nil
}

func (r *encodingReader) Read(p []byte) (int, error) {
	for r.out.Len() == 0 && r.err == nil {
		n, err := r.src.Read(r.buf)
		if n > 0 {
			if _, werr := r.enc.Write(r.buf[:n]); werr != nil {
				return 0, werr
			}
		}
		if err == io.EOF {
			if cerr := r.enc.Close(); cerr != nil {
				err = cerr
			}
		}
		r.err = err
	}
	if r.out.Len() > 0 {
		return r.out.Read(p)
	}
	return 0, r.err
}

func (r *encodingReader) Close() error { return r.src.Close() }

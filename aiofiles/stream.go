package aiofiles

import (
	"context"
	"io"
)

// A Stream is a [File] for code that knows package io and no contexts. Its calls
// run under the context that made it.
type Stream struct {
	ctx  context.Context
	file *File
}

var (
	_ io.ReadWriteSeeker = (*Stream)(nil)
	_ io.ReaderAt        = (*Stream)(nil)
	_ io.WriterAt        = (*Stream)(nil)
	_ io.ReadCloser      = (*Stream)(nil)
	_ io.StringWriter    = (*Stream)(nil)
	_ io.ReaderFrom      = (*Stream)(nil)
)

// Stream returns a view of f as an io.Reader and Writer and more of that kind,
// whose calls end with ctx. Closing it closes f.
func (f *File) Stream(ctx context.Context) *Stream { return &Stream{ctx, f} }

// Read is [File.Read].
func (s *Stream) Read(p []byte) (int, error) { return s.file.Read(s.ctx, p) }

// Write is [File.Write].
func (s *Stream) Write(p []byte) (int, error) { return s.file.Write(s.ctx, p) }

// WriteString is [File.WriteString].
func (s *Stream) WriteString(text string) (int, error) { return s.file.WriteString(s.ctx, text) }

// Seek is [File.Seek].
func (s *Stream) Seek(offset int64, whence int) (int64, error) {
	return s.file.Seek(s.ctx, offset, whence)
}

// ReadAt is [File.ReadAt].
func (s *Stream) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(s.ctx, p, off) }

// WriteAt is [File.WriteAt].
func (s *Stream) WriteAt(p []byte, off int64) (int, error) { return s.file.WriteAt(s.ctx, p, off) }

// Close is [File.Close].
func (s *Stream) Close() error { return s.file.Close() }

// ReadFrom writes all that r gives, in pieces large enough to make a hop cheap.
func (s *Stream) ReadFrom(r io.Reader) (n int64, err error) {
	buf := make([]byte, 128<<10)
	for {
		got, readErr := io.ReadAtLeast(r, buf, len(buf)/2)
		put, err := s.Write(buf[:got])
		n += int64(put)
		if err != nil {
			return n, err
		}
		if readErr == io.EOF || readErr == io.ErrUnexpectedEOF {
			return n, nil
		}
		if readErr != nil {
			return n, readErr
		}
	}
}

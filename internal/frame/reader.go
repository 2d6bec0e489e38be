package frame

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// A Source is a stream of bytes that descriptors come with.
type Source interface {
	// Recv reads at least one byte, or returns an error. Descriptors that came
	// with the bytes are the caller's.
	Recv(p []byte) (n int, fds []int, err error)
}

// A Reader takes frames from a stream.
type Reader struct {
	src     Source
	max     uint64
	closeFD func(int)
	buf     []byte
	r, w    int
	fds     []int
}

const (
	bufferLen = 64 << 10
	growStep  = 1 << 20
)

// NewReader returns a Reader of src. A body longer than max bytes is
// [ErrTooLarge]; closeFD closes descriptors that no frame claimed.
func NewReader(src Source, max uint64, closeFD func(int)) *Reader {
	return &Reader{src: src, max: max, closeFD: closeFD}
}

// A Frame is what [Reader.Next] returns.
type Frame struct {
	Header
	Body []byte // valid until the next call of Next
	FDs  []int  // the receiver's to close
}

// Buffered reports whether more bytes have been read than frames taken.
func (r *Reader) Buffered() bool { return r.w > r.r }

// Next returns the next frame, blocking as the source does. At the end of the
// stream it returns io.EOF between frames and io.ErrUnexpectedEOF inside one.
// An error of the source that leaves it readable, such as a deadline, leaves the
// Reader so as well: what has arrived of a header is kept, and of a body too.
func (r *Reader) Next() (Frame, error) {
	if r.buf == nil {
		r.buf = make([]byte, bufferLen)
	}
	if err := r.fill(HeaderLen); err != nil {
		return Frame{}, err
	}
	h, err := Parse(r.buf[r.r:r.w])
	if err != nil {
		return Frame{}, err
	}
	if h.Len > r.max || h.Len > math.MaxInt-HeaderLen {
		return Frame{}, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, h.Len, r.max)
	}
	total := HeaderLen + int(h.Len)
	if err := r.fill(total); err != nil {
		return Frame{}, err
	}
	f := Frame{Header: h, Body: r.buf[r.r+HeaderLen : r.r+total : r.r+total]}
	r.r += total
	if n := int(h.Descriptors); n > 0 {
		if len(r.fds) < n {
			return Frame{}, fmt.Errorf("%w: %d of %d", ErrDescriptors, len(r.fds), n)
		}
		f.FDs = append([]int(nil), r.fds[:n]...)
		r.fds = r.fds[:copy(r.fds, r.fds[n:])]
	}
	return f, nil
}

// fill reads until n bytes from r.r on are there. The buffer grows with what
// has arrived, not with what a header claims, and shrinks when it is empty.
func (r *Reader) fill(n int) error {
	if r.r == r.w {
		r.r, r.w = 0, 0
		if len(r.buf) > bufferLen {
			r.buf = make([]byte, bufferLen)
		}
	}
	for r.w-r.r < n {
		r.room(n)
		m, fds, err := r.src.Recv(r.buf[r.w:])
		r.w += m
		r.fds = append(r.fds, fds...)
		if len(r.fds) > 4*MaxDescriptors+256 {
			return fmt.Errorf("%w: %d unclaimed", ErrDescriptors, len(r.fds))
		}
		if err != nil {
			if errors.Is(err, io.EOF) && r.w > r.r {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// room makes place for more of the n bytes that begin at r.r.
func (r *Reader) room(n int) {
	if r.r+n > len(r.buf) && r.r > 0 {
		copy(r.buf, r.buf[r.r:r.w])
		r.w, r.r = r.w-r.r, 0
	}
	if r.w < len(r.buf) {
		return
	}
	grown := make([]byte, min(n, 2*len(r.buf)+growStep))
	copy(grown, r.buf[:r.w])
	r.buf = grown
}

// Close closes the descriptors that no frame has claimed.
func (r *Reader) Close() {
	for _, fd := range r.fds {
		r.closeFD(fd)
	}
	r.fds = nil
}

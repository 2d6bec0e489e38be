package aiofiles

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// A scratch is memory that a helper needs for a moment.
type scratch [64 << 10]byte

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// A loan is memory of a caller that a helper may look at until the caller takes it
// back. What is small is copied when the helper needs it, into memory that is used
// again and again; what is not, at once.
type loan struct {
	own bool // nobody takes data back

	mu   sync.Mutex // guards following
	data []byte
	back bool
}

// lend lends data to a call that is made by [run].
func lend(ctx context.Context, data []byte) *loan {
	l := &loan{data: data, own: inPlace(ctx)}
	if !l.own && len(data) > len(scratch{}) {
		l.data, l.own = bytes.Clone(data), true
	}
	return l
}

// takeBack ends the loan. The memory is not looked at any more when it returns.
func (l *loan) takeBack() {
	if l.own {
		return
	}
	l.mu.Lock()
	l.back = true
	l.mu.Unlock()
}

// writeTo writes all of it to w, unless it was taken back.
func (l *loan) writeTo(w io.Writer) error {
	if l.own {
		_, err := w.Write(l.data)
		return err
	}
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	l.mu.Lock()
	n, back := 0, l.back
	if !back {
		n = copy(buf[:], l.data)
	}
	l.mu.Unlock()
	if back {
		return errLeft
	}
	_, err := w.Write(buf[:n])
	return err
}

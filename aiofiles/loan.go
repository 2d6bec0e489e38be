package aiofiles

import (
	"bytes"
	"context"
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
	l.data, l.back = nil, true
	l.mu.Unlock()
}

// use calls f with the memory, or with a copy of it, unless it was taken back.
func (l *loan) use(f func(p []byte) error) error {
	if l.own {
		return f(l.data)
	}
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	l.mu.Lock()
	n, back := copy(buf[:], l.data), l.back
	l.mu.Unlock()
	if back {
		return errLeft
	}
	return f(buf[:n])
}

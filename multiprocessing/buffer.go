package multiprocessing

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// Buffer is memory that goes to a worker, and comes back, without being copied:
// *Buffer is an argument or a result of a registered function. Both sides have the
// same memory from then on: neither should write to it while the other reads.
//
// A worker's function owns the Buffer that it was called with; the caller keeps its
// own side of the same memory, and may use it during and after the call. A Buffer
// that the function returns is no longer the worker's; who called it owns what came
// back, which is the same memory again if the function returned what it got.
//
// Inside other values a Buffer travels as a copy. Where the
// system cannot share memory (anywhere but on Linux) it always does.
//
// Python: multiprocessing.shared_memory.SharedMemory, which has a name and is to be
// unlinked.
type Buffer struct {
	mu  sync.Mutex // guards following
	mem []byte
	own *slot // what mem is the memory of; nil if it is on the heap
}

// NewBuffer returns a Buffer of size bytes, all zero. The error is the system's,
// for example that there is not so much memory. It panics if size is negative.
func NewBuffer(size int) (*Buffer, error) {
	if size < 0 {
		panic(fmt.Sprintf("multiprocessing: NewBuffer(%d)", size))
	}
	if !canShare || size == 0 {
		return &Buffer{mem: make([]byte, size)}, nil
	}
	s, err := newSlot(size)
	if err != nil {
		return nil, fmt.Errorf("multiprocessing: NewBuffer: %w", err)
	}
	return bufferOf(s, s.mem), nil
}

// bufferOf returns a Buffer that owns s.
func bufferOf(s *slot, mem []byte) *Buffer {
	b := &Buffer{mem: mem, own: s}
	runtime.AddCleanup(b, (*slot).close, s)
	return b
}

// Bytes returns the memory, or nil after Release. It must not be used after Release.
func (b *Buffer) Bytes() []byte {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mem
}

// Release gives the memory back on this side. A Buffer that is no longer referred
// to is released by the garbage collector, some time. Release may be called again.
func (b *Buffer) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.own != nil {
		b.own.close()
	}
	b.mem, b.own = nil, nil
}

func (b *Buffer) shared() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.own != nil
}

// share returns a descriptor of the memory, for the caller to close, and its size.
func (b *Buffer) share() (fd, size int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.own == nil {
		return -1, 0, errors.New("buffer was released")
	}
	fd, err = b.own.dup()
	return fd, len(b.own.mem), err
}

// MarshalCBOR implements the encoding of a Buffer inside another value.
func (b *Buffer) MarshalCBOR() ([]byte, error) { return cbor.Marshal(b.Bytes()) }

// UnmarshalCBOR implements the decoding of a Buffer inside another value.
func (b *Buffer) UnmarshalCBOR(data []byte) error { return cbor.Unmarshal(data, &b.mem) }

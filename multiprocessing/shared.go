package multiprocessing

import (
	"sync"
	"unsafe"

	"github.com/quartet-go/quartet/internal/codec"
)

// A payload is an encoded argument or result.
type payload struct {
	codec  codec.ID
	data   []byte
	buffer *Buffer // in place of data
	slot   *slot   // that data lies in; nil if on the heap
}

// encode encodes v after dst, or in one of the slots if it is large and there is one.
func encode[T any](v T, dst []byte, slots *slots) (p payload, err error) {
	if b, ok := any(v).(*Buffer); ok {
		if b.shared() && slots != nil {
			return payload{codec: codec.Raw, buffer: b}, nil
		}
		p.codec, p.data, err = codec.Append(dst, b.Bytes())
		return p, err
	}
	if n := codec.Size(&v); n >= shareFrom {
		p.slot = slots.get(n)
	}
	if p.slot != nil {
		dst = p.slot.mem[:0:len(p.slot.mem)]
	}
	if p.codec, p.data, err = codec.Append(dst, v); err != nil {
		slots.put(p.slot)
		return payload{}, err
	}
	p.move(len(dst), slots)
	return p, nil
}

// move puts data that is large into a slot if it is not there yet. The first skip
// bytes are not part of it.
func (p *payload) move(skip int, slots *slots) {
	if p.slot == nil && len(p.data)-skip >= shareFrom {
		if p.slot = slots.get(len(p.data) - skip); p.slot != nil {
			p.data = append(p.slot.mem[:0:len(p.slot.mem)], p.data[skip:]...)
		}
	}
	if p.slot != nil && unsafe.SliceData(p.data) != unsafe.SliceData(p.slot.mem) { // it did not fit
		slots.put(p.slot)
		p.slot = nil
	}
}

// decode decodes a value that does not alias the payload, unless it is a [Buffer].
func decode[T any](p payload) (v T, err error) {
	if b, ok := any(&v).(**Buffer); ok {
		if *b = p.buffer; p.buffer == nil {
			var data []byte
			if data, err = codec.Decode[[]byte](p.codec, p.data); data != nil {
				*b = &Buffer{mem: data}
			}
		}
		return v, err
	}
	return codec.Decode[T](p.codec, p.data)
}

const (
	shareFrom = 64 << 10  // bytes from which on data goes beside the socket
	maxSlots  = 4         // that one process keeps to use again
	maxSlot   = 256 << 20 // bytes of the largest that is kept
	minSlot   = 1 << 20   // bytes of the smallest
)

// A slot is memory that can be shared, for data on its way. ID is 0 if it is to be
// used once.
type slot struct {
	id   uint64
	fd   int
	mem  []byte
	busy bool
	seen bool // by the other side, of a worker's slot
}

// slots are the slots of one process, used in turn, since memory that is new costs
// more than copying into it.
type slots struct {
	mu     sync.Mutex // guards following
	kept   []*slot
	last   uint64
	closed bool
	forget func(id uint64) // called with mu held, may be nil
}

// get returns a slot of at least n bytes, or nil where there is none to be had.
func (s *slots) get(n int) *slot {
	if s == nil || !canShare {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	var best, small *slot
	for _, k := range s.kept {
		switch {
		case k.busy:
		case len(k.mem) >= n && (best == nil || len(k.mem) < len(best.mem)):
			best = k
		case len(k.mem) < n:
			small = k
		}
	}
	if best != nil {
		best.busy = true
		return best
	}
	keep := n <= maxSlot && (len(s.kept) < maxSlots || small != nil)
	size := n
	if keep {
		for size = minSlot; size < n; size *= 2 {
		}
	}
	made, err := newSlot(size)
	if err != nil {
		return nil
	}
	made.busy = true
	if !keep {
		return made
	}
	if len(s.kept) == maxSlots {
		s.drop(small)
	}
	s.last++
	made.id = s.last
	s.kept = append(s.kept, made)
	return made
}

func (s *slots) drop(old *slot) {
	for i, k := range s.kept {
		if k == old {
			s.kept = append(s.kept[:i], s.kept[i+1:]...)
			break
		}
	}
	if s.forget != nil {
		s.forget(old.id)
	}
	old.close()
}

// put gives back what get returned; nil is nothing.
func (s *slots) put(k *slot) {
	if k == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k.busy = false
	if k.id == 0 || s.closed {
		k.close()
	}
}

// release puts back the slot of that number.
func (s *slots) release(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kept {
		if k.id == id {
			k.busy = false
		}
	}
}

func (s *slots) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, k := range s.kept {
		if !k.busy {
			k.close()
		}
	}
	s.kept = nil
}

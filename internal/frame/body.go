package frame

import (
	"encoding/binary"
	"fmt"
)

// MaxName is the longest name of a function in bytes.
const MaxName = 4096

// A Slot is a place in shared memory where the data of a body lies. The memory
// belongs to the sender of the frame. Its descriptor comes with the first frame
// that names the slot; later frames name it again without one.
type Slot struct {
	ID     uint64 // among the slots of one sender, never used for other memory; 0 if it is named only once
	Size   uint64 // of the whole memory in bytes
	Offset uint64 // where the data begins
	Len    uint64 // how long the data is
}

const slotLen = 32

// AppendSlot appends s as the data of a body with the flag [Beside].
func AppendSlot(dst []byte, s Slot) []byte {
	for _, n := range [...]uint64{s.ID, s.Size, s.Offset, s.Len} {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

// ParseSlot reads what [AppendSlot] wrote. The place lies within the memory.
func ParseSlot(b []byte) (Slot, error) {
	if len(b) != slotLen {
		return Slot{}, fmt.Errorf("%w: slot of %d bytes", ErrBody, len(b))
	}
	s := Slot{
		ID:     binary.LittleEndian.Uint64(b),
		Size:   binary.LittleEndian.Uint64(b[8:]),
		Offset: binary.LittleEndian.Uint64(b[16:]),
		Len:    binary.LittleEndian.Uint64(b[24:]),
	}
	if s.Offset > s.Size || s.Len > s.Size-s.Offset {
		return Slot{}, fmt.Errorf("%w: slot beyond its memory", ErrBody)
	}
	return s, nil
}

// AppendCall appends the beginning of the body of a [Call]: the name of the
// function and how many items it is to run over, 0 for a single call. The
// argument follows.
func AppendCall(dst []byte, name string, items uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, items)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(name)))
	return append(dst, name...)
}

// ParseCall splits the body of a [Call]. Name and data alias b.
func ParseCall(b []byte) (name []byte, items uint32, data []byte, err error) {
	if len(b) < 6 {
		return nil, 0, nil, fmt.Errorf("%w: call of %d bytes", ErrBody, len(b))
	}
	items = binary.LittleEndian.Uint32(b)
	n := int(binary.LittleEndian.Uint16(b[4:]))
	if n > MaxName || n > len(b)-6 {
		return nil, 0, nil, fmt.Errorf("%w: name of %d bytes", ErrBody, n)
	}
	return b[6 : 6+n], items, b[6+n:], nil
}

// CallLen is the length of what [AppendCall] appends.
func CallLen(name string) int { return 6 + len(name) }

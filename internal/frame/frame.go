// Package frame is the wire between a pool and its workers: fixed binary headers,
// each followed by a body. docs/design/0002-wire-format.md is its specification;
// nothing in it is particular to Go.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is the version of the format that this package speaks.
const Version = 1

// HeaderLen is the length of a header in bytes.
const HeaderLen = 32

// MaxDescriptors is how many descriptors may come with one frame.
const MaxDescriptors = 16

const magic = 'Q'

// Kind says what a frame is for. Frames of a kind that the reader does not know
// are skipped, so that a later version can add some.
type Kind uint8

// The kinds of version 1.
const (
	Hello   Kind = 1  // to the worker: how it is to serve
	Ready   Kind = 2  // from the worker: what it can do, or why it cannot
	Call    Kind = 3  // to the worker: run a function
	Result  Kind = 4  // from the worker: what the function returned
	Fail    Kind = 5  // from the worker: how the function failed
	Start   Kind = 6  // from the worker: it begins to run the task
	Cancel  Kind = 7  // to the worker: end the context of the task
	Recall  Kind = 8  // to the worker: give the task back if it has not begun
	Return  Kind = 9  // from the worker: the task is given back, it never began
	Release Kind = 10 // to the worker: its slot of shared memory may be used again
	Exit    Kind = 11 // to the worker: do what is left, then end
	Forget  Kind = 12 // both ways: the slot will not be named again
)

// Flags qualify a frame.
type Flags uint16

const (
	// Beside says that the body's data lies in shared memory; see [Slot].
	Beside Flags = 1 << iota
	// Retire says that the worker ends after this frame and takes no more tasks.
	Retire
)

// A Header stands before each body.
type Header struct {
	Kind        Kind
	Codec       uint8 // how the data of the body is encoded
	Flags       Flags
	Descriptors uint16 // how many descriptors come with the frame
	Task        uint64 // the task; of Release and Forget: the slot
	Len         uint64 // length of the body in bytes
	Aux         uint64 // Call: limit of the run in nanoseconds, 0 for none; Fail: index of the item
}

// Errors of what cannot be a frame. None of them can be recovered from: the
// stream has no other place to begin again.
var (
	ErrMagic       = errors.New("frame: not a frame")
	ErrVersion     = errors.New("frame: unknown version")
	ErrTooLarge    = errors.New("frame: too large")
	ErrDescriptors = errors.New("frame: descriptors missing or too many")
	ErrBody        = errors.New("frame: malformed body")
)

// Append appends h as bytes.
func Append(dst []byte, h Header) []byte {
	dst = append(dst, magic, Version, byte(h.Kind), h.Codec)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.Flags))
	dst = binary.LittleEndian.AppendUint16(dst, h.Descriptors)
	dst = binary.LittleEndian.AppendUint64(dst, h.Task)
	dst = binary.LittleEndian.AppendUint64(dst, h.Len)
	return binary.LittleEndian.AppendUint64(dst, h.Aux)
}

// Parse reads the header at the beginning of b, which is at least [HeaderLen] long.
func Parse(b []byte) (Header, error) {
	if b[0] != magic {
		return Header{}, fmt.Errorf("%w: first byte %#02x", ErrMagic, b[0])
	}
	if b[1] != Version {
		return Header{}, fmt.Errorf("%w: %d, want %d", ErrVersion, b[1], Version)
	}
	h := Header{
		Kind:        Kind(b[2]),
		Codec:       b[3],
		Flags:       Flags(binary.LittleEndian.Uint16(b[4:])),
		Descriptors: binary.LittleEndian.Uint16(b[6:]),
		Task:        binary.LittleEndian.Uint64(b[8:]),
		Len:         binary.LittleEndian.Uint64(b[16:]),
		Aux:         binary.LittleEndian.Uint64(b[24:]),
	}
	if h.Descriptors > MaxDescriptors {
		return Header{}, fmt.Errorf("%w: %d", ErrDescriptors, h.Descriptors)
	}
	return h, nil
}

package aiofiles

import (
	"errors"
	"fmt"
	"io/fs"
)

var (
	// ErrMode means a mode string, or options that do not go with it. It matches fs.ErrInvalid.
	ErrMode = fmt.Errorf("aiofiles: invalid mode: %w", fs.ErrInvalid)
	// ErrNotReadable means a read of a file that was opened for writing only.
	ErrNotReadable = errors.New("aiofiles: file is not open for reading")
	// ErrNotWritable means a write to a file that was opened for reading only.
	ErrNotWritable = errors.New("aiofiles: file is not open for writing")
	// ErrNotSeekable means a position in a pipe, a terminal or another stream.
	ErrNotSeekable = errors.New("aiofiles: file has no positions")
	// ErrTextMode means a call for bytes on a file that was opened as text.
	ErrTextMode = errors.New("aiofiles: call needs a file opened in binary mode")
	// ErrEncoding means an encoding or an error handler whose name is not known.
	ErrEncoding = errors.New("aiofiles: unknown encoding")
	// ErrBadPattern means a pattern for [Glob] that is malformed.
	ErrBadPattern = errors.New("aiofiles: malformed pattern")
	// ErrLocked means a lock that another holds, from a call that does not wait.
	ErrLocked = errors.New("aiofiles: locked by another")
	// ErrLineTooLong means a line of more than OpenOptions.MaxLineBytes.
	ErrLineTooLong = errors.New("aiofiles: line is too long")

	// errWouldBlock means that a call made in place has to go on a helper.
	errWouldBlock = errors.New("aiofiles: would block")
	// errLeft ends a call that was given up between two of its steps.
	errLeft = errors.New("aiofiles: given up")
)

// A PoisonError is what every call on a file returns after one whose outcome
// nobody can know: a sync that failed, after which the kernel may have dropped
// what it could not write and reports success to whoever asks again, or a write
// that was given up while it ran. Close the file and write its content anew,
// best with [WriteFileAtomic].
type PoisonError struct {
	Op  string // what was called: "sync", "write"
	Err error  // what it returned
}

// Error names the call that left the content in doubt.
func (e *PoisonError) Error() string {
	return "aiofiles: content is in doubt since " + e.Op + ": " + e.Err.Error()
}

// Unwrap returns what that call returned.
func (e *PoisonError) Unwrap() error { return e.Err }

// A DecodeError tells which bytes of a file are not text in its encoding.
//
// Python: UnicodeDecodeError. Differs: Offset counts from the start of the file,
// and the text before it is delivered first.
type DecodeError struct {
	Encoding string
	Offset   int64  // of the first bad byte in the file
	Bytes    []byte // the bad bytes
	Reason   string
}

// Error names the encoding, the bytes, where they are and why they are no text.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("aiofiles: %s can't decode bytes % x at position %d: %s", e.Encoding, e.Bytes, e.Offset, e.Reason)
}

// An EncodeError tells which character of a text has no form in the encoding of
// its file. Nothing of that text was written.
//
// Python: UnicodeEncodeError. Differs: Index counts bytes of the Go string.
type EncodeError struct {
	Encoding string
	Index    int    // of the first bad character in the text, in bytes
	Text     string // the bad character
	Reason   string
}

// Error names the encoding, the character, where it is and why it has no form.
func (e *EncodeError) Error() string {
	return fmt.Sprintf("aiofiles: %s can't encode %q at position %d: %s", e.Encoding, e.Text, e.Index, e.Reason)
}

package aiofiles

import (
	"context"
	"io/fs"
	"os"
	"time"
)

// Wrap makes a [File] of an open file, for calls that can be given up. Closing it
// closes file. Use one of the two only: a file with positions is read and written
// from where it is, by a position of the File's own. The mode says what can be done;
// it opens and truncates nothing.
//
// Python: aiofiles.threadpool.wrap; open of a descriptor.
func Wrap(ctx context.Context, file *os.File, mode string, opts *OpenOptions) (*File, error) {
	return wrap(ctx, file, mode, opts, false)
}

func wrap(ctx context.Context, file *os.File, mode string, opts *OpenOptions, keep bool) (*File, error) {
	m, o, txt, err := prepare(mode, opts)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: file.Name(), Err: err}
	}
	var h Handle = file
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.Mode().IsRegular():
	case file.SetReadDeadline(time.Time{}) != nil && file.SetWriteDeadline(time.Time{}) != nil:
		h = newPolled(file)
	}
	if keep {
		h = kept(h)
	}
	f, err := newFile(ctx, h, file.Name(), m, o, txt)
	if err != nil {
		return nil, err
	}
	if keep { // the others go by the offset that the kernel has
		f.stream = true
		f.now = nil
	} else if info.Mode().IsRegular() && !m.appending {
		if pos, err := file.Seek(0, 1); err == nil {
			f.pos = pos
		}
	}
	return f, nil
}

// Stdin returns the standard input as a text file. Its reads can be given up, and
// take nothing then. Closing it leaves the descriptor open.
//
// Python: aiofiles.stdin. For stdin_bytes use mode "rb" of [OpenStd].
func Stdin(ctx context.Context) (*File, error) { return OpenStd(ctx, os.Stdin, "r", nil) }

// Stdout returns the standard output as a text file. Its writes can be given up.
// Closing it leaves the descriptor open.
//
// Python: aiofiles.stdout.
func Stdout(ctx context.Context) (*File, error) { return OpenStd(ctx, os.Stdout, "w", nil) }

// Stderr is [Stdout] for the standard error.
//
// Python: aiofiles.stderr.
func Stderr(ctx context.Context) (*File, error) { return OpenStd(ctx, os.Stderr, "w", nil) }

// OpenStd is [Wrap] for a file that others use as well: closing the File flushes it
// and leaves file open.
//
// Python: open of a descriptor with closefd=False.
func OpenStd(ctx context.Context, file *os.File, mode string, opts *OpenOptions) (*File, error) {
	return wrap(ctx, file, mode, opts, true)
}

// keptOpen is a handle that Close leaves open, but for what it added to the file.
type keptOpen struct{ Handle }

func (keptOpen) Close() error { return nil }

// keptStream is keptOpen for one whose calls can be interrupted.
type keptStream struct {
	keptOpen
	deadliner
	release func() error
}

func (k keptStream) Close() error { return k.release() }

func kept(h Handle) Handle {
	switch h := h.(type) {
	case interface {
		Handle
		deadliner
		release() error
	}:
		return keptStream{keptOpen{h}, h, h.release}
	case *os.File:
		return keptStream{keptOpen{h}, h, func() error {
			h.SetReadDeadline(time.Time{})
			h.SetWriteDeadline(time.Time{})
			return nil
		}}
	}
	return keptOpen{h}
}

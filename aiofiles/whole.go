package aiofiles

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
)

// ReadFile returns the content of the file name. It is one call: from a task it
// costs one hop at most, however large the file is, and none if it is a small one
// that the kernel has in memory.
func ReadFile(ctx context.Context, name string) ([]byte, error) {
	r := &reading{fsys: fsOf(ctx), name: name, left: new(atomic.Bool)}
	if !inPlace(ctx) {
		if data, ok := r.now(ctx); ok {
			return data, nil
		}
	}
	data, state, err := runLeft(ctx, limiterOf(ctx), r.whole, nil)
	if err != nil {
		r.left.Store(true)
		if state == dropped {
			r.close()
		}
		return nil, pathError("read", name, err)
	}
	return data, nil
}

// reading is a file that is read as a whole.
type reading struct {
	fsys FS
	name string
	h    Handle // nil while it is not open
	left *atomic.Bool
}

func (r *reading) close() {
	if r.h != nil {
		r.h.Close()
	}
}

// now reads a small file if that needs no waiting. A file that it could only open
// stays open.
func (r *reading) now(ctx context.Context) ([]byte, bool) {
	h, ok := openNow(ctx, r.fsys, r.name)
	if !ok {
		return nil, false
	}
	r.h = h
	regular, ok := h.(interface {
		nowReader
		firstSize() int64
	})
	if !ok || regular.firstSize() >= int64(len(scratch{})) {
		return nil, false
	}
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	n := 0
	for size := regular.firstSize(); n == 0 || int64(n) != size; {
		m, err := regular.readNow(buf[n:], int64(n))
		n += m
		if err == io.EOF {
			break
		}
		if err != nil || n == len(buf) {
			return nil, false
		}
	}
	r.close()
	return append([]byte{}, buf[:n]...), true
}

// whole reads the file. It is called once, and closes it.
func (r *reading) whole() (data []byte, err error) {
	if r.h == nil {
		if r.h, err = r.fsys.OpenFile(r.name, os.O_RDONLY, 0); err != nil {
			return nil, err
		}
	}
	defer r.h.Close()
	guess, size := int64(0), int64(-1) // size is certain
	if sized, regular := r.h.(interface{ firstSize() int64 }); regular {
		size = sized.firstSize()
		guess = size
	} else if info, err := r.h.Stat(); err == nil {
		guess = info.Size()
	}
	if guess >= int64(len(scratch{})) {
		return r.rest(make([]byte, 0, guess+1), size)
	}
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	data, err = r.rest(buf[:0], size)
	if cap(data) == len(buf) { // it is that of the scratch
		data = bytes.Clone(data)
	}
	return data, err
}

// rest appends to data what there is, in steps, until it is left. What has size
// bytes and no more has ended.
func (r *reading) rest(data []byte, size int64) ([]byte, error) {
	for !r.left.Load() {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		room := data[len(data):min(cap(data), len(data)+maxStep)]
		n, err := r.h.Read(room)
		data = data[:len(data)+n]
		switch {
		case err == io.EOF, err == nil && n < len(room) && n > 0 && int64(len(data)) == size:
			return data, nil
		case err != nil:
			return nil, err
		}
	}
	return nil, errLeft
}

// WriteFile makes data the content of the file name, which is created with perm
// (before the umask) or truncated. If it fails or ctx ends first, the file may have
// any part of data: [WriteFileAtomic] has either all or what was there before.
func WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	return writeWhole(ctx, name, data, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
}

// AppendFile appends data to the file name, which is created with perm if need be.
func AppendFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	return writeWhole(ctx, name, data, os.O_WRONLY|os.O_CREATE|os.O_APPEND, perm)
}

func writeWhole(ctx context.Context, name string, data []byte, flag int, perm fs.FileMode) error {
	fsys := fsOf(ctx)
	content := lend(ctx, data)
	defer content.takeBack()
	_, err := run(ctx, limiterOf(ctx), func() (struct{}, error) {
		return struct{}{}, content.use(func(p []byte) error { return putFile(fsys, name, p, flag, perm) })
	}, nil)
	return pathError("write", name, err)
}

// putFile opens a file, writes data and closes it.
func putFile(fsys FS, name string, data []byte, flag int, perm fs.FileMode) error {
	if p, ok := fsys.(filePutter); ok {
		return p.putFile(name, data, flag, perm)
	}
	h, err := fsys.OpenFile(name, flag, perm)
	if err != nil {
		return err
	}
	_, err = h.Write(data)
	if closeErr := h.Close(); err == nil {
		err = closeErr
	}
	return err
}

// ReadText returns the content of the text file name, decoded as opts say.
//
// Python: pathlib.Path.read_text.
func ReadText(ctx context.Context, name string, opts *OpenOptions) (string, error) {
	f, err := Open(ctx, name, "r", opts)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s, err := f.ReadText(ctx, -1)
	if err == io.EOF {
		err = nil
	}
	return s, err
}

// WriteText makes s the content of the text file name, encoded as opts say.
//
// Python: pathlib.Path.write_text.
func WriteText(ctx context.Context, name, s string, opts *OpenOptions) error {
	f, err := Open(ctx, name, "w", opts)
	if err != nil {
		return err
	}
	_, err = f.WriteString(ctx, s)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

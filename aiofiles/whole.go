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
// costs one hop, however large the file is.
func ReadFile(ctx context.Context, name string) ([]byte, error) {
	fsys := fsOf(ctx)
	var left atomic.Bool
	data, err := run(ctx, limiterOf(ctx), func() ([]byte, error) { return readWhole(fsys, name, &left) }, nil)
	if err != nil {
		left.Store(true)
		return nil, pathError("read", name, err)
	}
	return data, nil
}

// readWhole reads a file, until left is set.
func readWhole(fsys FS, name string, left *atomic.Bool) ([]byte, error) {
	h, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	guess, size := int64(0), int64(-1) // size is certain
	if sized, regular := h.(interface{ size() (int64, error) }); regular {
		guess, _ = sized.size()
		size = guess
	} else if info, err := h.Stat(); err == nil {
		guess = info.Size()
	}
	if guess >= int64(len(scratch{})) {
		return readRest(h, make([]byte, 0, guess+1), size, left)
	}
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	data, err := readRest(h, buf[:0], size, left)
	if cap(data) == len(buf) { // it is that of the scratch
		data = bytes.Clone(data)
	}
	return data, err
}

// readRest appends to data what h has, in steps, until left is set. What has size
// bytes and no more has ended.
func readRest(h Handle, data []byte, size int64, left *atomic.Bool) ([]byte, error) {
	for !left.Load() {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		room := data[len(data):min(cap(data), len(data)+maxStep)]
		n, err := h.Read(room)
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
		h, err := fsys.OpenFile(name, flag, perm)
		if err != nil {
			return struct{}{}, err
		}
		err = content.writeTo(h)
		if closeErr := h.Close(); err == nil {
			err = closeErr
		}
		return struct{}{}, err
	}, nil)
	return pathError("write", name, err)
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

package aiofiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
)

// TempOptions configures [TempFile], [NamedTempFile], [SpooledFile] and [TempDir].
// A nil pointer or a zero field means the default.
type TempOptions struct {
	// Dir is the folder to make it in. Default: os.TempDir.
	Dir string
	// Prefix and Suffix surround the random part of the name. Default: "tmp" and "".
	Prefix, Suffix string
	// Mode is the mode of a file. Default: "w+b".
	Mode string
	// Keep leaves a named file or a folder where it is when it is closed.
	Keep bool
	// Open says the rest about a file. Default: that of [Open].
	Open *OpenOptions
}

func (o *TempOptions) copied() TempOptions {
	t := TempOptions{}
	if o != nil {
		t = *o
	}
	if t.Dir == "" {
		t.Dir = os.TempDir()
	}
	if t.Prefix == "" {
		t.Prefix = "tmp"
	}
	if t.Mode == "" {
		t.Mode = "w+b"
	}
	return t
}

// unique calls make with names until one is free.
func (o *TempOptions) unique(make func(name string) error) (string, error) {
	for range 10000 {
		name := filepath.Join(o.Dir, fmt.Sprintf("%s%011x%s", o.Prefix, rand.Uint64()>>20, o.Suffix))
		if err := make(name); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", &fs.PathError{Op: "createtemp", Path: filepath.Join(o.Dir, o.Prefix), Err: fs.ErrExist}
}

// An unnamer is an FS that can make files without a name.
type unnamer interface {
	openUnnamed(dir string, flag int) (Handle, error)
}

// openTemp makes a file for [TempFile]: without a name, or with one it loses at once.
func openTemp(fsys FS, o TempOptions) (Handle, error) {
	if u, ok := fsys.(unnamer); ok {
		if h, err := u.openUnnamed(o.Dir, os.O_RDWR); err == nil {
			return h, nil
		}
	}
	h, name, err := createTemp(fsys, o)
	if err != nil {
		return nil, err
	}
	if err := fsys.Remove(name); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

func createTemp(fsys FS, o TempOptions) (h Handle, name string, err error) {
	name, err = o.unique(func(name string) error {
		h, err = fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	return h, name, err
}

// TempFile opens a file that only this process sees and that is gone once it is
// closed, however the process ends. Where the file system can, it never has a name.
//
// Python: tempfile.TemporaryFile.
func TempFile(ctx context.Context, opts *TempOptions) (*File, error) {
	o := opts.copied()
	m, open, txt, err := prepare(o.Mode, o.Open)
	if err != nil {
		return nil, &fs.PathError{Op: "createtemp", Path: o.Dir, Err: err}
	}
	h, err := onTemp(ctx, open.Limiter, func(fsys FS) (Handle, error) { return openTemp(fsys, o) }, func(h Handle) { h.Close() })
	if err != nil {
		return nil, pathError("createtemp", o.Dir, err)
	}
	return newFile(ctx, h, o.Dir, m, open, txt)
}

func onTemp[T any](ctx context.Context, lim *Limiter, f func(FS) (T, error), late func(T)) (T, error) {
	if lim == nil {
		lim = limiterOf(ctx)
	}
	fsys := fsOf(ctx)
	return run(ctx, lim, func() (T, error) { return f(fsys) }, late)
}

// A NamedFile is a temporary file whose name others can open. Close removes it.
type NamedFile struct {
	*File
	keep   bool
	fsys   FS
	closed atomic.Bool
}

// NamedTempFile opens a new file of mode 0600 with a name of its own.
//
// Python: tempfile.NamedTemporaryFile. Differs: delete=False is Keep.
func NamedTempFile(ctx context.Context, opts *TempOptions) (*NamedFile, error) {
	o := opts.copied()
	m, open, txt, err := prepare(o.Mode, o.Open)
	if err != nil {
		return nil, &fs.PathError{Op: "createtemp", Path: o.Dir, Err: err}
	}
	type made struct {
		h    Handle
		name string
	}
	fsys := fsOf(ctx)
	file, err := onTemp(ctx, open.Limiter, func(fsys FS) (made, error) {
		h, name, err := createTemp(fsys, o)
		return made{h, name}, err
	}, func(late made) {
		late.h.Close()
		fsys.Remove(late.name)
	})
	if err != nil {
		return nil, pathError("createtemp", o.Dir, err)
	}
	f, err := newFile(ctx, file.h, file.name, m, open, txt)
	if err != nil {
		fsys.Remove(file.name)
		return nil, err
	}
	return &NamedFile{File: f, keep: o.Keep, fsys: fsys}, nil
}

// Close closes the file and removes it, unless it is to be kept. That it has been
// removed or renamed already is no error.
func (f *NamedFile) Close() error {
	if !f.closed.CompareAndSwap(false, true) {
		return nil
	}
	err := f.File.Close()
	if f.keep {
		return err
	}
	ctx, cancel := outlive(f.ctx)
	defer cancel()
	removeErr := runSurely(ctx, f.lim, func() error { return f.fsys.Remove(f.name) })
	if errors.Is(removeErr, fs.ErrNotExist) {
		removeErr = nil
	}
	return errors.Join(err, f.fail("remove", removeErr))
}

// A Dir is a temporary folder.
type Dir struct {
	Path   string
	ctx    context.Context
	fsys   FS
	lim    *Limiter
	keep   bool
	closed atomic.Bool
}

// TempDir makes a new folder of mode 0700 with a name of its own.
//
// Python: tempfile.TemporaryDirectory. Differs: delete=False is Keep.
func TempDir(ctx context.Context, opts *TempOptions) (*Dir, error) {
	o := opts.copied()
	fsys := fsOf(ctx)
	path, err := onTemp(ctx, nil, func(fsys FS) (string, error) {
		return o.unique(func(name string) error { return fsys.Mkdir(name, 0o700) })
	}, func(late string) { fsys.Remove(late) })
	if err != nil {
		return nil, pathError("mkdirtemp", o.Dir, err)
	}
	return &Dir{Path: path, ctx: ctx, fsys: fsys, lim: limiterOf(ctx), keep: o.Keep}, nil
}

// Close removes the folder and all in it, folders that may not be written included,
// unless it is to be kept. Closing again does nothing. When the context of TempDir
// has ended, Close still takes a moment for it.
func (d *Dir) Close() error {
	if !d.closed.CompareAndSwap(false, true) || d.keep {
		return nil
	}
	ctx, cancel := outlive(d.ctx)
	defer cancel()
	err := runSurely(ctx, d.lim, func() error {
		err := removeAll(d.fsys, d.Path)
		if errors.Is(err, fs.ErrPermission) {
			unlock(d.fsys, d.Path)
			err = removeAll(d.fsys, d.Path)
		}
		return err
	})
	return pathError("remove", d.Path, err)
}

// unlock makes the folders below dir writable.
func unlock(fsys FS, dir string) {
	if fsys.Chmod(dir, 0o700) != nil {
		return
	}
	entries, _ := listDir(fsys, dir)
	for _, e := range entries {
		if e.IsDir() {
			unlock(fsys, filepath.Join(dir, e.Name()))
		}
	}
}

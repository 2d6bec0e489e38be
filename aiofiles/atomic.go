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

// A Strength is what an atomic replacement survives.
type Strength int

const (
	// DataSynced survives a crash of the machine: afterwards the file is the old or
	// the new one, whole. Which of the two is open until the folder is written.
	DataSynced Strength = iota
	// FolderSynced is DataSynced, and once the call has returned it is the new one.
	FolderSynced
	// RenameOnly survives a crash of the program. After one of the machine the file
	// may be empty.
	RenameOnly
)

// AtomicOptions configures [WriteFileAtomic] and [CreateAtomic]. A nil pointer or a
// zero field means the default.
type AtomicOptions struct {
	// Strength is what the replacement survives. Default: [DataSynced].
	Strength Strength
	// Perm are the permission bits of the new file, before the umask. Default: those
	// of the file it replaces, else 0o666.
	Perm fs.FileMode
	// Open says how what is written becomes bytes. Default: that of [Open].
	Open *OpenOptions
}

// WriteFileAtomic makes data the content of the file name: whoever opens it finds
// the old content or the new, never a part. The new content is written to a file
// of another name in the same folder, which takes the place of the old one; a
// symbolic link is replaced, not followed.
//
// After an error, and when ctx ended first, the old content is there and nothing
// else, but where that was during the very last step: renaming, or syncing the
// folder. A sync that failed is not tried again.
func WriteFileAtomic(ctx context.Context, name string, data []byte, opts *AtomicOptions) error {
	r := newReplacement(ctx, name, opts)
	content := lend(ctx, data)
	defer content.takeBack()
	_, err := run(ctx, limiterOf(ctx), func() (struct{}, error) { return struct{}{}, content.use(r.whole) }, nil)
	if err != nil {
		r.left.Store(true)
	}
	return pathError("replace", name, err)
}

// replacement is the steps of replacing a file.
type replacement struct {
	fsys     FS
	name     string
	temp     string
	perm     fs.FileMode
	strength Strength
	left     atomic.Bool // the call was given up
}

func newReplacement(ctx context.Context, name string, opts *AtomicOptions) *replacement {
	r := &replacement{fsys: fsOf(ctx), name: name}
	if opts != nil {
		r.perm, r.strength = opts.Perm, opts.Strength
	}
	return r
}

func (r *replacement) whole(data []byte) error {
	h, err := r.create(os.O_WRONLY)
	if err != nil {
		return err
	}
	if _, err = h.Write(data); err == nil && r.strength != RenameOnly {
		err = h.Sync()
	}
	if closeErr := h.Close(); err == nil {
		err = closeErr
	}
	return r.finish(err)
}

// create makes the file that is going to take the place.
func (r *replacement) create(flag int) (Handle, error) {
	perm, old := r.perm, fs.FileMode(0)
	if perm == 0 {
		perm = 0o666
		if info, err := r.fsys.Lstat(r.name); err == nil && info.Mode().IsRegular() {
			old = info.Mode().Perm()
			perm = old
		}
	}
	dir, base := filepath.Split(r.name)
	for range 10000 {
		r.temp = fmt.Sprintf("%s.%.100s.%08x.tmp", dir, base, rand.Uint32())
		h, err := r.fsys.OpenFile(r.temp, flag|os.O_CREATE|os.O_EXCL, perm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil && old != 0 && old != permOf(h) {
			if err = r.fsys.Chmod(r.temp, old); err != nil {
				h.Close()
				return nil, r.finish(err)
			}
		}
		return h, err
	}
	return nil, fs.ErrExist
}

// permOf is the permission bits of a file that was just opened, no such bits if that is not known.
func permOf(h Handle) fs.FileMode {
	if p, ok := h.(interface{ firstPerm() fs.FileMode }); ok {
		return p.firstPerm()
	}
	return ^fs.FileMode(0)
}

// finish renames the new file, which is closed, unless something went wrong with it
// or nobody waits any more.
func (r *replacement) finish(err error) error {
	if err == nil && r.left.Load() {
		err = errLeft
	}
	if err == nil {
		err = r.fsys.Rename(r.temp, r.name)
	}
	if err != nil {
		return errors.Join(err, r.discard())
	}
	if r.strength == FolderSynced {
		return syncFolder(r.fsys, filepath.Dir(r.name))
	}
	return nil
}

func (r *replacement) discard() error { return r.fsys.Remove(r.temp) }

func syncFolder(fsys FS, dir string) error {
	h, err := fsys.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = h.Sync()
	if closeErr := h.Close(); err == nil {
		err = closeErr
	}
	return err
}

// An AtomicFile is a new content for a file, that takes the place of the old one
// when it is committed. Until then it has another name in the same folder.
type AtomicFile struct {
	*File
	r         *replacement
	committed atomic.Bool
}

// CreateAtomic starts a new content of the file name, to be written with the mode
// "w", "wb", "w+" or "w+b". Close without [AtomicFile.Commit] throws it away:
//
//	f, err := aiofiles.CreateAtomic(ctx, name, "wb", nil)
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	... write ...
//	return f.Commit(ctx)
func CreateAtomic(ctx context.Context, name, mode string, opts *AtomicOptions) (*AtomicFile, error) {
	var open *OpenOptions
	if opts != nil {
		open = opts.Open
	}
	m, o, txt, err := prepare(mode, open)
	if err == nil && !m.truncate {
		err = fmt.Errorf("%w: an atomic file is written", ErrMode)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if o.Limiter == nil {
		o.Limiter = limiterOf(ctx)
	}
	r := newReplacement(ctx, name, opts)
	access := os.O_WRONLY
	if m.read {
		access = os.O_RDWR
	}
	h, err := run(ctx, o.Limiter, func() (Handle, error) { return r.create(access) }, func(h Handle) {
		h.Close()
		r.discard()
	})
	if err != nil {
		return nil, pathError("open", name, err)
	}
	f, err := newFile(ctx, h, name, m, o, txt)
	if err != nil {
		r.discard()
		return nil, err
	}
	return &AtomicFile{File: f, r: r}, nil
}

// Commit makes what was written the content of the file, and closes it. After an
// error the old content is there, as with [WriteFileAtomic], and the new one is gone.
func (a *AtomicFile) Commit(ctx context.Context) error {
	var err error
	if a.committed.Load() || a.Closed() {
		return a.fail("commit", fs.ErrClosed)
	}
	if a.r.strength == RenameOnly {
		err = a.Flush(ctx)
	} else {
		err = a.Sync(ctx)
	}
	if err != nil {
		return errors.Join(err, a.Close())
	}
	if !a.committed.CompareAndSwap(false, true) {
		return a.fail("commit", fs.ErrClosed)
	}
	err = a.File.Close()
	_, finishErr := run(context.WithoutCancel(ctx), a.lim, func() (struct{}, error) { return struct{}{}, a.r.finish(err) }, nil)
	return a.fail("commit", finishErr)
}

// Close throws the new content away unless it was committed.
func (a *AtomicFile) Close() error {
	if !a.committed.CompareAndSwap(false, true) {
		return a.File.Close()
	}
	ctx, cancel := outlive(a.ctx)
	defer cancel()
	err := a.File.Close()
	removeErr := runSurely(ctx, a.lim, a.r.discard)
	return errors.Join(err, a.fail("remove", removeErr))
}

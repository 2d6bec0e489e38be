package aiofiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// CopyOptions configures [CopyFile], [CopyTree] and [Move]. A nil pointer or a zero
// field means the default.
type CopyOptions struct {
	// Times copies the times of the last change too. Default: the copy is of now.
	Times bool
	// Merge lets CopyTree copy into a folder that exists. Default: that is an error.
	Merge bool
	// FollowLinks copies what symbolic links lead to. Default: the links themselves.
	FollowLinks bool
	// Filter is asked for each entry of a tree and leaves out those it returns false
	// for. Default: all are copied.
	Filter func(path string, entry fs.DirEntry) bool
	// Progress is called after each step, by the goroutine that called. Default: none.
	Progress func(CopyProgress)
}

// CopyProgress tells how far a copy is.
type CopyProgress struct {
	Path  string // of the file that is copied
	Bytes int64  // copied so far, of all files
	Files int    // copied so far
}

// copyStep is how much is copied between two looks at ctx.
const copyStep = 4 << 20

// CopyFile makes dst a copy of the file src, with its permission bits. It stays in
// the kernel where that can copy. If it fails or ctx ends, a part may be there.
//
// Python: shutil.copy, and copy2 with Times.
func CopyFile(ctx context.Context, src, dst string, opts *CopyOptions) error {
	return newCopier(ctx, opts).file(src, dst)
}

// copier is the state of one copy.
type copier struct {
	ctx  context.Context
	opts CopyOptions
	done CopyProgress
}

func newCopier(ctx context.Context, opts *CopyOptions) *copier {
	c := &copier{ctx: ctx}
	if opts != nil {
		c.opts = *opts
	}
	return c
}

// copying is a file that is copied.
type copying struct {
	from, to Handle
	info     fs.FileInfo
	slow     bool // the kernel does not copy these
}

func (p *copying) close() error {
	p.from.Close()
	return p.to.Close()
}

func openCopy(fsys FS, src, dst string) (*copying, error) {
	from, err := fsys.OpenFile(src, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := from.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("not a regular file: %w", fs.ErrInvalid)
	}
	if err == nil {
		if there, statErr := fsys.Stat(dst); statErr == nil && sameFile(info, there) {
			err = fmt.Errorf("%s is the same file: %w", dst, fs.ErrInvalid)
		}
	}
	var to Handle
	if err == nil {
		to, err = fsys.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	}
	if err != nil {
		from.Close()
		return nil, err
	}
	return &copying{from: from, to: to, info: info}, nil
}

// step copies up to copyStep bytes at off: io.EOF behind the last.
func (p *copying) step(off int64) (int64, error) {
	if !p.slow {
		n, ok, err := kernelCopy(p.to, p.from, off, copyStep)
		if ok {
			return n, err
		}
		p.slow = true
	}
	buf := make([]byte, min(copyStep, 256<<10))
	n, err := p.from.ReadAt(buf, off)
	if n > 0 {
		_, err = p.to.WriteAt(buf[:n], off)
	}
	return int64(n), err
}

func (c *copier) file(src, dst string) error {
	c.done.Path = src
	fsys, lim := fsOf(c.ctx), limiterOf(c.ctx)
	p, err := run(c.ctx, lim, func() (*copying, error) { return openCopy(fsys, src, dst) }, func(p *copying) { p.close() })
	if err != nil {
		return pathError("copy", src, err)
	}
	type result struct {
		n   int64
		err error
	}
	for off := int64(0); err != io.EOF; {
		r, state, runErr := runLeft(c.ctx, lim, func() (result, error) {
			n, err := p.step(off)
			return result{n, err}, nil
		}, func(result) { p.close() })
		if state == left {
			return pathError("copy", dst, runErr)
		}
		off += r.n
		c.done.Bytes += r.n
		if err = errors.Join(runErr, r.err); r.err == io.EOF {
			err = io.EOF
		} else if err != nil {
			run(context.WithoutCancel(c.ctx), lim, func() (struct{}, error) { return struct{}{}, p.close() }, nil)
			return pathError("copy", dst, err)
		}
		if r.n > 0 {
			c.report()
		}
	}
	_, err = run(context.WithoutCancel(c.ctx), lim, func() (struct{}, error) {
		err := p.close()
		if err == nil {
			err = fsys.Chmod(dst, p.info.Mode().Perm())
		}
		if err == nil && c.opts.Times {
			err = fsys.Chtimes(dst, time.Time{}, p.info.ModTime())
		}
		return struct{}{}, err
	}, nil)
	c.done.Files++
	c.report()
	return pathError("copy", dst, err)
}

func (c *copier) report() {
	if c.opts.Progress != nil {
		c.opts.Progress(c.done)
	}
}

// CopyTree makes dst a copy of the folder src and all in it: files, folders and
// symbolic links. Other kinds of files are an error. What it can it copies; the
// errors of single files are joined.
//
// Python: shutil.copytree.
func CopyTree(ctx context.Context, src, dst string, opts *CopyOptions) error {
	return newCopier(ctx, opts).tree(src, dst, nil)
}

func (c *copier) tree(src, dst string, above []fs.FileInfo) error {
	info, err := Stat(c.ctx, src)
	if err == nil && !info.IsDir() {
		err = pathError("copy", src, syscall.ENOTDIR)
	}
	for _, up := range above {
		if err == nil && sameFile(up, info) {
			err = pathError("copy", src, syscall.ELOOP)
		}
	}
	if err != nil {
		return err
	}
	// A folder is listed before its copy is made: that may be inside it.
	entries, err := ReadDir(c.ctx, src)
	if err != nil {
		return err
	}
	if err := Mkdir(c.ctx, dst, info.Mode().Perm()|0o700); err != nil && (!c.opts.Merge || !errors.Is(err, fs.ErrExist)) {
		return err
	}
	var failed error
	for _, e := range entries {
		from, to := join(src, e.Name()), join(dst, e.Name())
		if c.opts.Filter != nil && !c.opts.Filter(from, e) {
			continue
		}
		if err := c.entry(from, to, e, append(above[:len(above):len(above)], info)); err != nil {
			if c.ctx.Err() != nil {
				return err
			}
			failed = errors.Join(failed, err)
		}
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		failed = errors.Join(failed, Chmod(c.ctx, dst, info.Mode().Perm()))
	}
	if c.opts.Times {
		failed = errors.Join(failed, Chtimes(c.ctx, dst, time.Time{}, info.ModTime()))
	}
	return failed
}

func (c *copier) entry(from, to string, e fs.DirEntry, above []fs.FileInfo) error {
	kind := e.Type()
	if kind == fs.ModeSymlink {
		if !c.opts.FollowLinks {
			target, err := Readlink(c.ctx, from)
			if err != nil {
				return err
			}
			err = Symlink(c.ctx, target, to)
			if c.opts.Merge && errors.Is(err, fs.ErrExist) {
				if err = Remove(c.ctx, to); err == nil {
					err = Symlink(c.ctx, target, to)
				}
			}
			return err
		}
		info, err := Stat(c.ctx, from)
		if err != nil {
			return err
		}
		kind = info.Mode().Type()
	}
	switch kind {
	case fs.ModeDir:
		return c.tree(from, to, above)
	case 0:
		return c.file(from, to)
	}
	return pathError("copy", from, fmt.Errorf("%v: %w", kind, fs.ErrInvalid))
}

// Move renames src to dst, or copies it and removes it where the two are not on one
// file system. If dst is a folder, src moves into it.
//
// Python: shutil.move.
func Move(ctx context.Context, src, dst string, opts *CopyOptions) error {
	if into, err := IsDir(ctx, dst); err != nil {
		return err
	} else if into {
		dst = filepath.Join(dst, filepath.Base(src))
		if there, err := LinkExists(ctx, dst); err != nil || there {
			return errors.Join(err, pathError("move", dst, fs.ErrExist))
		}
	}
	err := Rename(ctx, src, dst)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	info, err := Lstat(ctx, src)
	if err != nil {
		return err
	}
	c := newCopier(ctx, opts)
	c.opts.Times, c.opts.FollowLinks, c.opts.Filter = true, false, nil
	if err := c.entry(src, dst, fs.FileInfoToDirEntry(info), nil); err != nil {
		return err
	}
	return RemoveAll(ctx, src)
}

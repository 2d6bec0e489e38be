package aiofiles

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Root is a folder as a file system of its own: no name, with .. or a symbolic
// link or otherwise, leads out of it. Calls with the context of [Root.In] are
// confined to it, and take their names from there:
//
//	root, err := aiofiles.OpenRoot(ctx, "/srv/files")
//	...
//	data, err := aiofiles.ReadFile(root.In(ctx), nameFromOutside)
type Root struct{ root *os.Root }

var _ FS = (*Root)(nil)

// OpenRoot opens the folder dir.
func OpenRoot(ctx context.Context, dir string) (*Root, error) {
	root, err := run(ctx, limiterOf(ctx), func() (*os.Root, error) { return os.OpenRoot(dir) }, func(r *os.Root) { r.Close() })
	if err != nil {
		return nil, pathError("open", dir, err)
	}
	return &Root{root}, nil
}

// In returns a context whose calls of this package are confined to the folder.
func (r *Root) In(ctx context.Context) context.Context { return WithFS(ctx, r) }

// Name is the name that was given to OpenRoot.
func (r *Root) Name() string { return r.root.Name() }

// Close closes the folder. Files that were opened in it stay open.
func (r *Root) Close() error { return r.root.Close() }

// OpenFile opens a file in the folder.
func (r *Root) OpenFile(name string, flag int, perm fs.FileMode) (Handle, error) {
	f, err := r.root.OpenFile(name, flag|nonBlocking, perm)
	if err != nil {
		return nil, err
	}
	return adopt(f)
}

// Stat describes a file in the folder.
func (r *Root) Stat(name string) (fs.FileInfo, error) { return r.root.Stat(name) }

// Lstat describes a file in the folder, be it a symbolic link.
func (r *Root) Lstat(name string) (fs.FileInfo, error) { return r.root.Lstat(name) }

// Mkdir makes a folder.
func (r *Root) Mkdir(name string, perm fs.FileMode) error { return r.root.Mkdir(name, perm) }

// Remove removes a file or an empty folder.
func (r *Root) Remove(name string) error { return r.root.Remove(name) }

// RemoveAll removes a tree.
func (r *Root) RemoveAll(name string) error { return r.root.RemoveAll(name) }

// Rename renames a file within the folder.
func (r *Root) Rename(oldname, newname string) error { return r.root.Rename(oldname, newname) }

// Link makes another name of a file in the folder.
func (r *Root) Link(oldname, newname string) error { return r.root.Link(oldname, newname) }

// Symlink makes a symbolic link. It may lead out; nobody gets there by way of r.
func (r *Root) Symlink(target, name string) error { return r.root.Symlink(target, name) }

// Readlink reads a symbolic link.
func (r *Root) Readlink(name string) (string, error) { return r.root.Readlink(name) }

// Chmod sets permission bits.
func (r *Root) Chmod(name string, mode fs.FileMode) error { return r.root.Chmod(name, mode) }

// Lchown sets the owner and group.
func (r *Root) Lchown(name string, uid, gid int) error { return r.root.Lchown(name, uid, gid) }

// Chtimes sets times.
func (r *Root) Chtimes(name string, atime, mtime time.Time) error {
	return r.root.Chtimes(name, atime, mtime)
}

// DirFS returns the folder dir as an [fs.FS], for code that knows no contexts. Its
// calls end with ctx. Symbolic links are followed, out of dir too; a view of
// root.In(ctx) of [OpenRoot] has none that leads out.
//
// The file system also has ReadDir, ReadFile, Stat and ReadLink.
func DirFS(ctx context.Context, dir string) fs.FS { return dirFS{ctx, dir} }

type dirFS struct {
	ctx context.Context
	dir string
}

var (
	_ fs.ReadDirFS  = dirFS{}
	_ fs.ReadFileFS = dirFS{}
	_ fs.StatFS     = dirFS{}
	_ fs.ReadLinkFS = dirFS{}
)

// at calls f with the name that name has outside.
func at[T any](d dirFS, op, name string, f func(context.Context, string) (T, error)) (v T, err error) {
	if !fs.ValidPath(name) {
		return v, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if v, err = f(d.ctx, filepath.Join(d.dir, filepath.FromSlash(name))); err != nil {
		if p, ok := err.(*fs.PathError); ok { // that other name is nobody's business
			err = &fs.PathError{Op: p.Op, Path: name, Err: p.Err}
		}
	}
	return v, err
}

func (d dirFS) Stat(name string) (fs.FileInfo, error)      { return at(d, "stat", name, Stat) }
func (d dirFS) Lstat(name string) (fs.FileInfo, error)     { return at(d, "lstat", name, Lstat) }
func (d dirFS) ReadDir(name string) ([]fs.DirEntry, error) { return at(d, "readdir", name, ReadDir) }
func (d dirFS) ReadFile(name string) ([]byte, error)       { return at(d, "read", name, ReadFile) }
func (d dirFS) ReadLink(name string) (string, error)       { return at(d, "readlink", name, Readlink) }

func (d dirFS) Open(name string) (fs.File, error) {
	return at(d, "open", name, func(ctx context.Context, path string) (fs.File, error) {
		lim := limiterOf(ctx)
		h, err := openHandle(ctx, path, os.O_RDONLY, 0, lim)
		if err != nil {
			return nil, err
		}
		info, err := run(ctx, lim, h.Stat, nil)
		if err != nil {
			h.Close()
			return nil, err
		}
		if info.IsDir() {
			return &dirFile{ctx: ctx, lim: lim, h: h, info: info, name: name}, nil
		}
		m, o, txt, _ := prepare("rb", nil)
		f, err := newFile(ctx, h, name, m, o, txt)
		if err != nil {
			return nil, err
		}
		return &fsFile{f.Stream(ctx), info}, nil
	})
}

// fsFile is a file of a DirFS.
type fsFile struct {
	*Stream
	info fs.FileInfo
}

func (f *fsFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// dirFile is an open folder of a DirFS.
type dirFile struct {
	ctx  context.Context
	lim  *Limiter
	h    Handle
	info fs.FileInfo
	name string
}

func (d *dirFile) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *dirFile) Close() error               { return d.h.Close() }

func (d *dirFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: fs.ErrInvalid}
}

func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	type batch struct {
		entries []fs.DirEntry
		err     error
	}
	b, err := run(d.ctx, d.lim, func() (batch, error) {
		entries, err := d.h.ReadDir(n)
		return batch{entries, err}, nil
	}, nil)
	if err == nil {
		err = b.err
	}
	return b.entries, pathError("readdir", d.name, err)
}

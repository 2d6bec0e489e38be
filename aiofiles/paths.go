package aiofiles

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// onFS makes a call on the file system of ctx.
func onFS[T any](ctx context.Context, op, name string, f func(fsys FS) (T, error)) (T, error) {
	fsys := fsOf(ctx)
	v, err := run(ctx, limiterOf(ctx), func() (T, error) { return f(fsys) }, nil)
	return v, pathError(op, name, err)
}

// change is onFS for a call without a result.
func change(ctx context.Context, op, name string, f func(fsys FS) error) error {
	_, err := onFS(ctx, op, name, func(fsys FS) (struct{}, error) { return struct{}{}, f(fsys) })
	return err
}

// Stat describes the file name, or what a symbolic link of that name leads to.
func Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	return onFS(ctx, "stat", name, func(fsys FS) (fs.FileInfo, error) { return fsys.Stat(name) })
}

// Lstat describes the file name itself, be it a symbolic link.
func Lstat(ctx context.Context, name string) (fs.FileInfo, error) {
	return onFS(ctx, "lstat", name, func(fsys FS) (fs.FileInfo, error) { return fsys.Lstat(name) })
}

// asks turns what Stat says into an answer: no error where there is no such file.
func asks(ctx context.Context, name string, stat func(context.Context, string) (fs.FileInfo, error), is func(fs.FileInfo) bool) (bool, error) {
	info, err := stat(ctx, name)
	switch {
	case err == nil:
		return is(info), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
		return false, nil
	}
	return false, err
}

// Exists reports whether name leads to a file of any kind.
//
// Python: os.path.exists. Differs, as those below: what could not be found out is
// an error, not false.
func Exists(ctx context.Context, name string) (bool, error) {
	return asks(ctx, name, Stat, func(fs.FileInfo) bool { return true })
}

// LinkExists is [Exists] for name itself: true for a symbolic link that leads nowhere.
//
// Python: os.path.lexists.
func LinkExists(ctx context.Context, name string) (bool, error) {
	return asks(ctx, name, Lstat, func(fs.FileInfo) bool { return true })
}

// IsFile reports whether name leads to a regular file.
func IsFile(ctx context.Context, name string) (bool, error) {
	return asks(ctx, name, Stat, func(i fs.FileInfo) bool { return i.Mode().IsRegular() })
}

// IsDir reports whether name leads to a folder.
func IsDir(ctx context.Context, name string) (bool, error) {
	return asks(ctx, name, Stat, fs.FileInfo.IsDir)
}

// IsLink reports whether name is a symbolic link.
func IsLink(ctx context.Context, name string) (bool, error) {
	return asks(ctx, name, Lstat, func(i fs.FileInfo) bool { return i.Mode().Type() == fs.ModeSymlink })
}

// Size is the size in bytes of the file that name leads to.
//
// Python: os.path.getsize.
func Size(ctx context.Context, name string) (int64, error) {
	info, err := Stat(ctx, name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// ModTime is when the content of the file that name leads to was last changed.
//
// Python: os.path.getmtime.
func ModTime(ctx context.Context, name string) (time.Time, error) {
	info, err := Stat(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// SameFile reports whether both names lead to one file.
func SameFile(ctx context.Context, name1, name2 string) (bool, error) {
	info1, err := Stat(ctx, name1)
	if err != nil {
		return false, err
	}
	info2, err := Stat(ctx, name2)
	if err != nil {
		return false, err
	}
	return sameFile(info1, info2), nil
}

// Mkdir makes the folder name.
func Mkdir(ctx context.Context, name string, perm fs.FileMode) error {
	return change(ctx, "mkdir", name, func(fsys FS) error { return fsys.Mkdir(name, perm) })
}

// MkdirAll makes the folder name and those above it that are missing. A folder that
// is there already is no error.
//
// Python: os.makedirs with exist_ok.
func MkdirAll(ctx context.Context, name string, perm fs.FileMode) error {
	return change(ctx, "mkdir", name, func(fsys FS) error { return mkdirAll(fsys, name, perm) })
}

func mkdirAll(fsys FS, name string, perm fs.FileMode) error {
	err := fsys.Mkdir(name, perm)
	if errors.Is(err, fs.ErrNotExist) {
		if up := filepath.Dir(name); up != name {
			if err := mkdirAll(fsys, up, perm); err != nil {
				return err
			}
			err = fsys.Mkdir(name, perm)
		}
	}
	if err != nil {
		if info, statErr := fsys.Stat(name); statErr == nil && info.IsDir() {
			return nil
		}
	}
	return err
}

// Remove removes the file or the empty folder name.
//
// Python: os.remove, os.unlink, os.rmdir.
func Remove(ctx context.Context, name string) error {
	return change(ctx, "remove", name, func(fsys FS) error { return fsys.Remove(name) })
}

// RemoveDirs removes the empty folder name, then those above it until one is not empty.
//
// Python: os.removedirs.
func RemoveDirs(ctx context.Context, name string) error {
	return change(ctx, "remove", name, func(fsys FS) error {
		if err := fsys.Remove(name); err != nil {
			return err
		}
		prune(fsys, filepath.Dir(name))
		return nil
	})
}

// prune removes dir and those above it until one is not empty.
func prune(fsys FS, dir string) {
	for up := filepath.Dir(dir); dir != up && fsys.Remove(dir) == nil; dir, up = up, filepath.Dir(up) {
	}
}

// A treeRemover is an FS that removes trees better than one name after the other.
type treeRemover interface{ RemoveAll(name string) error }

// RemoveAll removes name and all that is in it. Symbolic links in it are removed,
// not followed; nothing there is no error. Given up, it goes on behind.
//
// Python: shutil.rmtree.
func RemoveAll(ctx context.Context, name string) error {
	return change(ctx, "remove", name, func(fsys FS) error { return removeAll(fsys, name) })
}

func removeAll(fsys FS, name string) error {
	if t, ok := fsys.(treeRemover); ok {
		return t.RemoveAll(name)
	}
	err := fsys.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if info, statErr := fsys.Lstat(name); statErr != nil || !info.IsDir() {
		return err
	}
	entries, err := listDir(fsys, name)
	for _, e := range entries {
		if removeErr := removeAll(fsys, filepath.Join(name, e.Name())); err == nil {
			err = removeErr
		}
	}
	if err == nil {
		err = fsys.Remove(name)
	}
	return err
}

// Rename moves oldname to newname, in place of a file of that name.
//
// Python: os.rename, os.replace.
func Rename(ctx context.Context, oldname, newname string) error {
	return change(ctx, "rename", oldname, func(fsys FS) error { return fsys.Rename(oldname, newname) })
}

// Renames is [Rename] that makes the folders newname needs, and removes those of
// oldname that became empty.
//
// Python: os.renames.
func Renames(ctx context.Context, oldname, newname string) error {
	return change(ctx, "rename", oldname, func(fsys FS) error {
		if err := mkdirAll(fsys, filepath.Dir(newname), 0o777); err != nil {
			return err
		}
		if err := fsys.Rename(oldname, newname); err != nil {
			return err
		}
		prune(fsys, filepath.Dir(oldname))
		return nil
	})
}

// Link makes newname another name of the file oldname.
func Link(ctx context.Context, oldname, newname string) error {
	return change(ctx, "link", newname, func(fsys FS) error { return fsys.Link(oldname, newname) })
}

// Symlink makes name a symbolic link to target.
func Symlink(ctx context.Context, target, name string) error {
	return change(ctx, "symlink", name, func(fsys FS) error { return fsys.Symlink(target, name) })
}

// Readlink returns what the symbolic link name holds.
func Readlink(ctx context.Context, name string) (string, error) {
	return onFS(ctx, "readlink", name, func(fsys FS) (string, error) { return fsys.Readlink(name) })
}

// Chmod sets the permission bits of name.
func Chmod(ctx context.Context, name string, mode fs.FileMode) error {
	return change(ctx, "chmod", name, func(fsys FS) error { return fsys.Chmod(name, mode) })
}

// Lchown sets the owner and group of name itself; -1 leaves one as it is.
//
// Python: os.chown with follow_symlinks=False.
func Lchown(ctx context.Context, name string, uid, gid int) error {
	return change(ctx, "lchown", name, func(fsys FS) error { return fsys.Lchown(name, uid, gid) })
}

// Chtimes sets the times of the last access and change of name. A zero time leaves
// one as it is.
//
// Python: os.utime.
func Chtimes(ctx context.Context, name string, atime, mtime time.Time) error {
	return change(ctx, "chtimes", name, func(fsys FS) error { return fsys.Chtimes(name, atime, mtime) })
}

// Touch makes name with perm, or sets its times to now if it is there.
//
// Python: pathlib.Path.touch.
func Touch(ctx context.Context, name string, perm fs.FileMode) error {
	return change(ctx, "touch", name, func(fsys FS) error {
		h, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if err == nil {
			return h.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		now := time.Now()
		return fsys.Chtimes(name, now, now)
	})
}

// Truncate makes the file name size bytes long.
func Truncate(ctx context.Context, name string, size int64) error {
	return change(ctx, "truncate", name, func(fsys FS) error {
		h, err := fsys.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(h.Truncate(size), h.Close())
	})
}

// Abs returns name as an absolute path, without looking at what is there.
//
// Python: os.path.abspath. It takes no context: it asks for the working folder only.
func Abs(name string) (string, error) { return filepath.Abs(name) }

// RealPath returns name as an absolute path without symbolic links. All of it must exist.
//
// Python: os.path.realpath with strict. Differs: it always is.
func RealPath(ctx context.Context, name string) (string, error) {
	return onFS(ctx, "realpath", name, func(fsys FS) (string, error) { return realPath(fsys, name) })
}

const maxLinks = 255

// realPath follows links one at a time, so that it works on any FS.
func realPath(fsys FS, name string) (string, error) {
	path := name
	if fsys == OS {
		var err error
		if path, err = filepath.Abs(name); err != nil {
			return "", err
		}
		return filepath.EvalSymlinks(path)
	}
	for range maxLinks {
		done, rest := "", filepath.ToSlash(filepath.Clean(path))
		if filepath.IsAbs(path) {
			done, rest = "/", rest[1:]
		}
		again := false
		for rest != "" && rest != "." {
			var part string
			part, rest, _ = cut(rest)
			next := filepath.Join(done, part)
			info, err := fsys.Lstat(next)
			if err != nil {
				return "", err
			}
			if info.Mode().Type() != fs.ModeSymlink {
				done = next
				continue
			}
			target, err := fsys.Readlink(next)
			if err != nil {
				return "", err
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(done, target)
			}
			path, again = filepath.Join(target, rest), true
			break
		}
		if !again {
			return filepath.Join(done, "."), nil
		}
	}
	return "", &fs.PathError{Op: "realpath", Path: name, Err: syscall.ELOOP}
}

// cut splits a path with slashes behind its first part.
func cut(path string) (first, rest string, found bool) {
	for i := range len(path) {
		if path[i] == '/' {
			return path[:i], path[i+1:], true
		}
	}
	return path, "", false
}

// ExpandUser replaces a leading ~ by the home folder of the user.
//
// Python: os.path.expanduser. Differs: ~name is left as it is.
func ExpandUser(name string) string {
	if name != "~" && (len(name) < 2 || name[0] != '~' || !os.IsPathSeparator(name[1])) {
		return name
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return name
	}
	return filepath.Join(home, name[1:])
}

// sameFile is os.SameFile, and knows the files of an FS whose FileInfo.Sys is one
// pointer for a file.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) || a.Sys() != nil && a.Sys() == b.Sys()
}

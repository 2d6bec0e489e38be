//go:build unix

package aiofiles

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// RemoveAll is os.RemoveAll, which no symbolic link can lead astray.
func (osFS) RemoveAll(name string) error { return os.RemoveAll(name) }

// onOS makes a call that only the machine's file system has.
func onOS[T any](ctx context.Context, op, name string, f func() (T, error)) (T, error) {
	return onFS(ctx, op, name, func(fsys FS) (v T, err error) {
		if fsys != OS {
			return v, syscall.ENOTSUP
		}
		return f()
	})
}

// An Access is a set of ways to use a file: [CanRead], [CanWrite] and [CanExecute],
// or 0 for that it exists.
type Access uint32

// The ways to use a file.
const (
	CanExecute Access = unix.X_OK
	CanWrite   Access = unix.W_OK
	CanRead    Access = unix.R_OK
)

// MayAccess reports whether the process may use name in all those ways.
//
// Python: os.access.
func MayAccess(ctx context.Context, name string, how Access) (bool, error) {
	return onOS(ctx, "access", name, func() (bool, error) { return unix.Access(name, uint32(how)) == nil, nil })
}

// Mkfifo makes a FIFO.
func Mkfifo(ctx context.Context, name string, perm fs.FileMode) error {
	_, err := onOS(ctx, "mkfifo", name, func() (struct{}, error) {
		return struct{}{}, unix.Mkfifo(name, sysMode(perm))
	})
	return err
}

// A Volume is what [StatVolume] tells of a file system.
type Volume struct {
	BlockSize        int64
	Size, Free       int64 // bytes
	Available        int64 // bytes that are free for users other than root
	Files, FreeFiles int64
}

// StatVolume describes the file system that name is on.
//
// Python: os.statvfs. Differs: bytes instead of blocks.
func StatVolume(ctx context.Context, name string) (*Volume, error) {
	return onOS(ctx, "statfs", name, func() (*Volume, error) {
		var st unix.Statfs_t
		if _, err := retry(func() (int, error) { return 0, unix.Statfs(name, &st) }); err != nil {
			return nil, err
		}
		block := int64(st.Bsize)
		return &Volume{
			BlockSize: block, Size: int64(st.Blocks) * block, Free: int64(st.Bfree) * block,
			Available: int64(st.Bavail) * block, Files: int64(st.Files), FreeFiles: int64(st.Ffree),
		}, nil
	})
}

// IsMount reports whether name is where a file system is mounted.
//
// Python: os.path.ismount.
func IsMount(ctx context.Context, name string) (bool, error) {
	return onOS(ctx, "ismount", name, func() (bool, error) {
		var here, up unix.Stat_t
		if err := unix.Lstat(name, &here); err != nil {
			if err == unix.ENOENT || err == unix.ENOTDIR {
				return false, nil
			}
			return false, err
		}
		if here.Mode&unix.S_IFMT == unix.S_IFLNK {
			return false, nil
		}
		if err := unix.Lstat(filepath.Join(name, ".."), &up); err != nil {
			return false, err
		}
		return here.Dev != up.Dev || here.Ino == up.Ino, nil
	})
}

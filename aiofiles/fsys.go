package aiofiles

import (
	"context"
	"io"
	"io/fs"
	"math/rand/v2"
	"time"
)

// An FS is a file system as this package uses it. [OS] is the machine's;
// [OpenRoot] gives one confined to a folder, and aiofilestest has one in memory
// and one that fails on purpose. Its calls may block and must be safe for
// concurrent use; the meanings are those of the functions of package os.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (Handle, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	Mkdir(name string, perm fs.FileMode) error
	Remove(name string) error
	Rename(oldname, newname string) error
	Link(oldname, newname string) error
	Symlink(target, name string) error
	Readlink(name string) (string, error)
	Chmod(name string, mode fs.FileMode) error
	Lchown(name string, uid, gid int) error
	Chtimes(name string, atime, mtime time.Time) error
}

// A Handle is an open file of an [FS]; *os.File is one. ReadAt and WriteAt may be
// called by several goroutines at once.
//
// A Handle that has SyncData() error as well is asked for that by [File.SyncData].
type Handle interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
	ReadDir(n int) ([]fs.DirEntry, error)
}

// nowReader is a Handle whose cached bytes can be had without waiting. readNow
// returns errWouldBlock where it would have to wait.
type nowReader interface {
	readNow(p []byte, off int64) (int, error)
}

// nowOpener is an FS that may open a file for reading without waiting.
type nowOpener interface {
	openNow(name string) (Handle, bool)
}

// hopEvery is how often, on average, a call that could be made in place is not: a
// task that does nothing else than such calls must not keep its loop from the others.
const hopEvery = 32

// openNow opens name for reading if a call that must not wait may do so.
func openNow(ctx context.Context, fsys FS, name string) (Handle, bool) {
	if o, ok := fsys.(nowOpener); ok && ctx.Err() == nil && rand.Uint32()%hopEvery != 0 {
		return o.openNow(name)
	}
	return nil, false
}

// filePutter is an FS that writes a whole file with fewer calls than by a [Handle].
type filePutter interface {
	putFile(name string, data []byte, flag int, perm fs.FileMode) error
}

// deadliner is a Handle whose reads and writes can be interrupted: pipes,
// sockets and terminals.
type deadliner interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

type fsKey struct{}

// WithFS returns a context whose calls of this package go to fsys. It is how
// tests put a file system of aiofilestest below code that knows nothing of it,
// and how calls are confined to a [Root].
func WithFS(ctx context.Context, fsys FS) context.Context {
	return context.WithValue(ctx, fsKey{}, fsys)
}

func fsOf(ctx context.Context) FS {
	if fsys, ok := ctx.Value(fsKey{}).(FS); ok {
		return fsys
	}
	return OS
}

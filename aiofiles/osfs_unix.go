//go:build unix

package aiofiles

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// OS is the file system of the machine.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Stat(name string) (fs.FileInfo, error)     { return os.Stat(name) }
func (osFS) Lstat(name string) (fs.FileInfo, error)    { return os.Lstat(name) }
func (osFS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }
func (osFS) Remove(name string) error                  { return os.Remove(name) }
func (osFS) Rename(oldname, newname string) error      { return os.Rename(oldname, newname) }
func (osFS) Link(oldname, newname string) error        { return os.Link(oldname, newname) }
func (osFS) Symlink(target, name string) error         { return os.Symlink(target, name) }
func (osFS) Readlink(name string) (string, error)      { return os.Readlink(name) }
func (osFS) Chmod(name string, mode fs.FileMode) error { return os.Chmod(name, mode) }
func (osFS) Lchown(name string, uid, gid int) error    { return os.Lchown(name, uid, gid) }
func (osFS) Chtimes(name string, atime, mtime time.Time) error {
	return os.Chtimes(name, atime, mtime)
}

// OpenFile opens without waiting for the other end of a FIFO or for a carrier: a
// regular file does not mind, and a stream can be given up then. It makes the
// calls itself since os.OpenFile spends four more on each regular file.
func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (Handle, error) {
	fd, err := openNonBlocking(name, flag, perm)
	if err != nil {
		return nil, err
	}
	h, err := newHandle(fd, name)
	if f, ok := h.(*fdFile); ok && flag&(unix.O_ACCMODE|unix.O_CREAT) == unix.O_RDONLY {
		f.learn()
	}
	return h, err
}

// putFile writes a whole file by its descriptor. What is no regular file shows by
// being full.
func (osFS) putFile(name string, data []byte, flag int, perm fs.FileMode) error {
	fd, err := openNonBlocking(name, flag, perm)
	if err != nil {
		return err
	}
	f := fdFile{fd: fd, name: name}
	n, err := f.Write(data)
	if err == nil || !errors.Is(err, unix.EAGAIN) {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		return err
	}
	h, err := newHandle(fd, name)
	if err != nil {
		return err
	}
	_, err = h.Write(data[n:])
	if closeErr := h.Close(); err == nil {
		err = closeErr
	}
	return err
}

// openNonBlocking opens without waiting.
func openNonBlocking(name string, flag int, perm fs.FileMode) (int, error) {
	fd, err := openFD(name, flag|unix.O_NONBLOCK, perm)
	if errors.Is(err, unix.EAGAIN) { // somebody holds a lease
		fd, err = openFD(name, flag, perm)
	}
	return fd, err
}

func openFD(name string, flag int, perm fs.FileMode) (int, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(name, flag|unix.O_CLOEXEC, sysMode(perm))
	})
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// newHandle takes over fd, which was opened non-blocking.
func newHandle(fd int, name string) (Handle, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFBLK:
		return &fdFile{fd: fd, name: name, first: st.Size, perm: fs.FileMode(st.Mode).Perm(), dev: uint64(st.Dev)}, nil
	case unix.S_IFIFO:
		return &fifo{File: os.NewFile(uintptr(fd), name)}, nil
	default:
		return os.NewFile(uintptr(fd), name), nil
	}
}

// retry makes a system call again that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

func sysMode(perm fs.FileMode) uint32 {
	m := uint32(perm.Perm())
	if perm&fs.ModeSetuid != 0 {
		m |= unix.S_ISUID
	}
	if perm&fs.ModeSetgid != 0 {
		m |= unix.S_ISGID
	}
	if perm&fs.ModeSticky != 0 {
		m |= unix.S_ISVTX
	}
	return m
}

// maxIO is the most that one read or write asks for; some kernels refuse more.
const maxIO = 1 << 30

// fdFile is a regular file by its descriptor.
type fdFile struct {
	fd    int
	name  string
	first int64       // the size when it was opened
	perm  fs.FileMode // then
	dev   uint64      // where it is
	local bool        // which is a disk of the machine
	now   nowSupport
}

func (f *fdFile) Fd() uintptr { return uintptr(f.fd) }

func (f *fdFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

func (f *fdFile) Read(p []byte) (int, error) {
	n, err := retry(func() (int, error) { return unix.Read(f.fd, p[:min(len(p), maxIO)]) })
	switch {
	case err != nil:
		return 0, f.fail("read", err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// pread reads once.
func (f *fdFile) pread(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.fail("read", unix.EINVAL)
	}
	for {
		n, err := unix.Pread(f.fd, p[:min(len(p), maxIO)], off)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, f.fail("read", err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (f *fdFile) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		m, err := f.pread(p[n:], off+int64(n))
		if err != nil {
			return n, err
		}
		n += m
	}
	return n, nil
}

func (f *fdFile) Write(p []byte) (int, error) {
	return f.writeAll(p, func(p []byte, _ int) (int, error) { return unix.Write(f.fd, p) })
}

func (f *fdFile) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.fail("write", unix.EINVAL)
	}
	return f.writeAll(p, func(p []byte, n int) (int, error) { return unix.Pwrite(f.fd, p, off+int64(n)) })
}

func (f *fdFile) writeAll(p []byte, write func(p []byte, done int) (int, error)) (int, error) {
	n := 0
	for n < len(p) {
		m, err := write(p[n:min(len(p), n+maxIO)], n)
		if m > 0 {
			n += m
		}
		switch {
		case err == unix.EINTR:
		case err != nil:
			return n, f.fail("write", err)
		case m == 0:
			return n, f.fail("write", io.ErrUnexpectedEOF)
		}
	}
	return n, nil
}

// Stat goes through a descriptor of its own: only an os.File makes the kind of
// fs.FileInfo that os.SameFile knows, and it closes what it was given.
func (f *fdFile) Stat() (fs.FileInfo, error) {
	fd, err := unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, f.fail("stat", err)
	}
	file := os.NewFile(uintptr(fd), f.name)
	defer file.Close()
	return file.Stat()
}

// firstSize is the size of a regular file when it was opened.
func (f *fdFile) firstSize() int64 { return f.first }

// firstPerm is the permission bits of a file when it was opened.
func (f *fdFile) firstPerm() fs.FileMode { return f.perm }

// closesNow reports whether a file that was only read closes without waiting.
func (f *fdFile) closesNow() bool { return f.local }

// size asks for the size without making an fs.FileInfo.
func (f *fdFile) size() (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, f.fail("stat", err)
	}
	return st.Size, nil
}

func (f *fdFile) Sync() error {
	_, err := retry(func() (int, error) { return 0, unix.Fsync(f.fd) })
	if err != nil {
		return f.fail("sync", err)
	}
	return nil
}

func (f *fdFile) Truncate(size int64) error {
	_, err := retry(func() (int, error) { return 0, unix.Ftruncate(f.fd, size) })
	if err != nil {
		return f.fail("truncate", err)
	}
	return nil
}

func (f *fdFile) ReadDir(int) ([]fs.DirEntry, error) { return nil, f.fail("readdir", unix.ENOTDIR) }

func (f *fdFile) Close() error {
	if err := unix.Close(f.fd); err != nil && err != unix.EINTR {
		return f.fail("close", err)
	}
	return nil
}

// fifo is a FIFO. One that nobody has opened for writing yet reads as ended when
// it was opened without waiting; its reads wait for the first writer instead.
type fifo struct {
	*os.File
	met bool // a writer was there
}

func (f *fifo) Read(p []byte) (int, error) {
	if f.met || len(p) == 0 {
		return f.File.Read(p)
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = conn.Read(func(fd uintptr) bool {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, 0)
		return err == nil && n > 0 // bytes, or a writer that came and went
	})
	runtime.KeepAlive(f)
	if err != nil {
		return 0, err
	}
	f.met = true
	return f.File.Read(p)
}

// nonBlocking opens without waiting for the other end.
const nonBlocking = unix.O_NONBLOCK

// adopt takes over an open file, which was opened non-blocking. A folder stays an
// os.File, which looks its entries up where it was opened.
func adopt(f *os.File) (Handle, error) {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	switch {
	case info.Mode().Type() == fs.ModeNamedPipe:
		return &fifo{File: f}, nil
	case !info.Mode().IsRegular():
		return f, nil
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	return &fdFile{fd: fd, name: f.Name(), first: info.Size(), perm: info.Mode().Perm()}, nil
}

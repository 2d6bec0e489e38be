package aiofiles

import (
	"io"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nowSupport is what is known about reading a file without waiting.
type nowSupport struct {
	memory  atomic.Bool // the file system is memory: reads never wait
	refused atomic.Bool // the file system does not know RWF_NOWAIT
}

// readNow reads what is in the page cache.
func (f *fdFile) readNow(p []byte, off int64) (int, error) {
	if f.now.memory.Load() {
		return f.pread(p, off)
	}
	if f.now.refused.Load() {
		return 0, errWouldBlock
	}
	if len(p) == 0 {
		return 0, nil
	}
	p = p[:min(len(p), maxIO)]
	iov := unix.Iovec{Base: &p[0]}
	iov.SetLen(len(p))
	var n uintptr
	var errno syscall.Errno
	if len(p) <= len(scratch{}) { // copies memory and never waits: the scheduler need not know
		n, _, errno = unix.RawSyscall6(unix.SYS_PREADV2, uintptr(f.fd), uintptr(unsafe.Pointer(&iov)), 1,
			uintptr(off), uintptr(uint64(off)>>32), unix.RWF_NOWAIT)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_PREADV2, uintptr(f.fd), uintptr(unsafe.Pointer(&iov)), 1,
			uintptr(off), uintptr(uint64(off)>>32), unix.RWF_NOWAIT)
	}
	switch errno {
	case 0:
		if n == 0 {
			return 0, io.EOF
		}
		return int(n), nil
	case unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL:
		return f.refuse(p, off)
	default: // EAGAIN: it is not in memory. Any other error comes again from a read that may wait.
		return 0, errWouldBlock
	}
}

// refuse remembers that this file cannot be read that way, and whether it needs to.
func (f *fdFile) refuse(p []byte, off int64) (int, error) {
	var st unix.Statfs_t
	if unix.Fstatfs(f.fd, &st) == nil && (uint32(st.Type) == unix.TMPFS_MAGIC || uint32(st.Type) == unix.RAMFS_MAGIC) {
		f.now.memory.Store(true)
		return f.pread(p, off)
	}
	f.now.refused.Store(true)
	return 0, errWouldBlock
}

// learn remembers where files can be opened in place.
func (f *fdFile) learn() { local.note(f) }

// SyncData writes the content, and of the metadata what reading it back needs.
func (f *fdFile) SyncData() error {
	_, err := retry(func() (int, error) { return 0, unix.Fdatasync(f.fd) })
	if err != nil {
		return f.fail("sync", err)
	}
	return nil
}

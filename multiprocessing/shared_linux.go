package multiprocessing

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/quartet-go/quartet/internal/frame"
)

const canShare = true

const sizeSeals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW

// newSlot returns memory of a fixed size, all of which is there: its use cannot
// fail for want of memory later.
func newSlot(size int) (*slot, error) {
	fd, err := unix.MemfdCreate("quartet-data", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	err = unix.Fallocate(fd, 0, 0, int64(size))
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, sizeSeals|unix.F_SEAL_SEAL)
	}
	var mem []byte
	if err == nil {
		mem, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("shared memory", err)
	}
	return &slot{fd: fd, mem: mem}, nil
}

// mapSlot maps what the other side shares, and takes over the descriptor. It
// refuses memory that could shrink, where reading could end the process.
func mapSlot(fd int, s frame.Slot) (*slot, error) {
	var stat unix.Stat_t
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err == nil {
		err = unix.Fstat(fd, &stat)
	}
	if err == nil && (seals&sizeSeals != sizeSeals || uint64(stat.Size) != s.Size || s.Size == 0) {
		err = unix.EINVAL
	}
	var mem []byte
	if err == nil {
		mem, err = unix.Mmap(fd, 0, int(s.Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%w: shared memory of %d bytes: %w", frame.ErrBody, s.Size, err)
	}
	return &slot{id: s.ID, fd: fd, mem: mem}, nil
}

func (s *slot) close() {
	if s.mem != nil {
		_ = unix.Munmap(s.mem)
		_ = unix.Close(s.fd)
		s.mem = nil
	}
}

// dup returns another descriptor of the same memory.
func (s *slot) dup() (int, error) {
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	return fd, os.NewSyscallError("dup", err)
}

package multiprocessing

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A startPage is a page of memory that a worker shares with its parent. In it the
// worker acknowledges the start of each task, which costs no system call and
// outlives the worker.
type startPage struct {
	mem   []byte
	clock time.Time // a time of this process
	zero  int64     // the same time on the clock of the machine, in nanoseconds
}

const pageLen = 4096

// newStartPage returns a page and the descriptor to send to the worker, which
// the caller closes.
func newStartPage() (*startPage, int, error) {
	fd, err := unix.MemfdCreate("quartet-start", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, -1, os.NewSyscallError("memfd_create", err)
	}
	if err = unix.Ftruncate(fd, pageLen); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	var p *startPage
	if err == nil {
		p, err = mapStartPage(fd)
	}
	if err != nil {
		unix.Close(fd)
		return nil, -1, err
	}
	return p, fd, nil
}

func mapStartPage(fd int) (*startPage, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Size != pageLen {
		return nil, fmt.Errorf("start page of %d bytes: %w", stat.Size, unix.EINVAL)
	}
	mem, err := unix.Mmap(fd, 0, pageLen, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return nil, os.NewSyscallError("clock_gettime", err)
	}
	return &startPage{mem: mem, clock: time.Now(), zero: now.Nano()}, nil
}

func (p *startPage) task() *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&p.mem[0])) }
func (p *startPage) at() *atomic.Int64    { return (*atomic.Int64)(unsafe.Pointer(&p.mem[8])) }

// start is the worker's: it begins to run a task.
func (p *startPage) start(task uint64) {
	p.at().Store(p.zero + int64(time.Since(p.clock)))
	p.task().Store(task)
}

// started is the parent's: it returns the task that the worker began last, and when.
func (p *startPage) started() (task uint64, at time.Time) {
	for {
		task = p.task().Load()
		at = p.clock.Add(time.Duration(p.at().Load() - p.zero))
		if p.task().Load() == task {
			return task, at
		}
	}
}

func (p *startPage) close() {
	if p != nil && p.mem != nil {
		_ = unix.Munmap(p.mem)
		p.mem = nil
	}
}

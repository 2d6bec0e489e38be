package multiprocessing

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ledger is memory that a worker shares with its parent and that outlives the
// worker. In it the worker acknowledges the start of each task, which costs no
// system call, and keeps what it has not sent yet of its answers, so that they can
// go many at a time and none is lost with the worker.
//
// It is described in docs/design/0002-wire-format.md.
type ledger struct {
	mem   []byte
	clock time.Time // a time of this process
	zero  int64     // the same time on the clock of the machine, in nanoseconds
}

const (
	ledgerHead = 4096      // bytes before the answers
	ledgerLen  = 128 << 10 // bytes in all
)

// newLedger returns a ledger and the descriptor to send to the worker, which the
// caller closes.
func newLedger() (*ledger, int, error) {
	fd, err := unix.MemfdCreate("quartet-ledger", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, -1, os.NewSyscallError("memfd_create", err)
	}
	if err = unix.Ftruncate(fd, ledgerLen); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	var l *ledger
	if err == nil {
		l, err = mapLedger(fd)
	}
	if err != nil {
		unix.Close(fd)
		return nil, -1, err
	}
	return l, fd, nil
}

func mapLedger(fd int) (*ledger, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Size != ledgerLen {
		return nil, fmt.Errorf("ledger of %d bytes: %w", stat.Size, unix.EINVAL)
	}
	mem, err := unix.Mmap(fd, 0, ledgerLen, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return nil, os.NewSyscallError("clock_gettime", err)
	}
	return &ledger{mem: mem, clock: time.Now(), zero: now.Nano()}, nil
}

func (l *ledger) word(i int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&l.mem[8*i])) }

// The words of the head.
const (
	wordTask = iota // the task that began last
	wordAt          // when, on CLOCK_MONOTONIC in nanoseconds
	wordBase        // of the worker's stream: the position of the first byte that is kept here
	wordEnd         // and the position after the last
)

// start is the worker's: it begins to run a task, at a time since l.clock.
func (l *ledger) start(task uint64, at time.Duration) {
	l.word(wordAt).Store(uint64(l.zero + int64(at)))
	l.word(wordTask).Store(task)
}

// started is the parent's: it returns the task that the worker began last, and when.
func (l *ledger) started() (task uint64, at time.Time) {
	for {
		task = l.word(wordTask).Load()
		at = l.clock.Add(time.Duration(int64(l.word(wordAt).Load()) - l.zero))
		if l.word(wordTask).Load() == task {
			return task, at
		}
	}
}

// room is the worker's: it is where answers are kept.
func (l *ledger) room() []byte { return l.mem[ledgerHead:] }

// kept is the worker's: its stream goes on to end, and from base on it is in room.
func (l *ledger) kept(base, end uint64) {
	l.word(wordBase).Store(base)
	l.word(wordEnd).Store(end)
}

// unsent is the parent's, when the worker is dead: it returns what the worker kept
// of its stream after the first received bytes.
func (l *ledger) unsent(received uint64) []byte {
	base, end := l.word(wordBase).Load(), l.word(wordEnd).Load()
	if received < base || received >= end || end-base > uint64(len(l.room())) {
		return nil
	}
	return l.room()[received-base : end-base]
}

func (l *ledger) close() {
	if l != nil && l.mem != nil {
		_ = unix.Munmap(l.mem)
		l.mem = nil
	}
}

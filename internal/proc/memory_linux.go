package proc

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Memory returns the resident memory in bytes of the child and the descendants that
// are linked to it, 0 after its end.
func (c *Child) Memory() (bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return 0
	}
	bytes = resident(c.pid)
	for _, k := range descendants(c.pid) {
		bytes += resident(k.pid)
		unix.Close(k.pidfd)
	}
	return bytes
}

// resident returns the resident memory of one process in bytes.
func resident(pid int) int64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// LimitMemory limits what this process may allocate from now on to about limit
// bytes. Its collector works harder as the heap nears that, and an allocation
// beyond it ends the process, see [RanOutOfMemory], instead of taking the machine's
// memory. A program built with -race has only the first: its
// shadow memory counts as well. Memory that is mapped from files or shared is not
// limited, nor are child processes: see [Child.WatchMemory].
func LimitMemory(limit int64) error {
	debug.SetMemoryLimit(limit)
	if raceEnabled {
		return nil
	}
	data, err := dataSize()
	if err != nil {
		return err
	}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &r); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	r.Cur = min(r.Max, uint64(data+limit))
	return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_DATA, &r))
}

// dataSize returns what RLIMIT_DATA counts of this process, in bytes: above all what
// the runtime mapped at its start and hardly touches.
func dataSize() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmData:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("proc: no VmData in /proc/self/status")
}

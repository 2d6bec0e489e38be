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

// LimitMemory limits what this process may allocate from now on to somewhat more
// than limit bytes. Its collector works harder as the heap nears limit. Beyond it
// the process ends, see [RanOutOfMemory], but not at once: the runtime reserves
// address space and fills it with memory later, which the kernel does not count
// again, so it is the next allocation of another kind that fails. What must not take
// the machine's memory is watched from outside as well, see [Child.WatchMemory],
// which also counts memory that is mapped from files, and child processes.
//
// A program built with -race has the collector's part only: its shadow memory would
// be counted.
func LimitMemory(limit int64) error {
	debug.SetMemoryLimit(limit - limit/10) // what is not heap counts as well
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
	r.Cur = min(r.Max, uint64(data+limit+limit/4+dataSlack))
	return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_DATA, &r))
}

// dataSlack is what the runtime's own records may take beyond the limit: a program
// within it must not fail for them.
const dataSlack = 16 << 20

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

package proc

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// affinity returns how many CPUs this process may run on now.
func affinity() int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || set.Count() == 0 {
		return runtime.NumCPU()
	}
	return set.Count()
}

package proc

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// CloseDescriptors closes the open descriptors that which names, by number and by
// what they refer to. It is for a process that is alone in knowing what it needs.
func CloseDescriptors(which func(fd int, target string) bool) {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if target, err := os.Readlink(dir + "/" + e.Name()); err == nil && which(fd, target) {
			unix.Close(fd)
		}
	}
}

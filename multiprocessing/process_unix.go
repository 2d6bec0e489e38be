//go:build unix

package multiprocessing

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// codeName returns an exit code as Python prints it: 3, or -SIGTERM.
func codeName(code int) string {
	if code < 0 {
		if name := unix.SignalName(syscall.Signal(-code)); name != "" {
			return "-" + name
		}
	}
	return strconv.Itoa(code)
}

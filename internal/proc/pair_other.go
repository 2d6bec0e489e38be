//go:build unix && !linux

package proc

import (
	"os"
	"syscall"
)

const sockCloexec = 0

// Redirect makes descriptor fd of this process mean f.
func Redirect(f *os.File, fd int) error {
	return os.NewSyscallError("dup2", syscall.Dup2(int(f.Fd()), fd))
}

package proc

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const sockCloexec = syscall.SOCK_CLOEXEC

// Redirect makes descriptor fd of this process mean f.
func Redirect(f *os.File, fd int) error {
	return os.NewSyscallError("dup3", unix.Dup3(int(f.Fd()), fd, 0))
}

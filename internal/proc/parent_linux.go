package proc

import (
	"os"

	"golang.org/x/sys/unix"
)

// ParentGone returns a channel that is closed when the parent of this process,
// which had that number, has ended. It costs a descriptor and a goroutine up to
// then.
func ParentGone(parent int) <-chan struct{} {
	gone := make(chan struct{})
	fd, err := unix.PidfdOpen(parent, unix.PIDFD_NONBLOCK)
	if err != nil || os.Getppid() != parent {
		if err == nil {
			unix.Close(fd)
		}
		go pollParent(parent, gone)
		return gone
	}
	go func() {
		defer close(gone)
		f := os.NewFile(uintptr(fd), "pidfd")
		defer f.Close()
		raw, err := f.SyscallConn()
		if err != nil {
			return
		}
		_ = raw.Read(func(fd uintptr) bool { return readable(int(fd)) })
	}()
	return gone
}

// readable reports whether a pidfd's process has ended.
func readable(pidfd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return n > 0 || err != nil && err != unix.EINTR
}

package proc

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxDrain bounds what is still copied after the child's end: more than a pipe
// holds was written by a descendant.
const maxDrain = 1 << 20

// drain copies what is in the pipe now, without waiting for more.
func drain(r *os.File, w io.Writer, buf []byte) {
	raw, err := r.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for left := maxDrain; left > 0; {
			n, err := unix.Read(int(fd), buf)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return
			}
			left -= n
			_, _ = w.Write(buf[:n])
		}
	})
}

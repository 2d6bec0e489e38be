//go:build unix && !solaris && !aix && !illumos

package aiofiles

import "golang.org/x/sys/unix"

// flock locks a file as a whole, without waiting.
func flock(fd int, shared bool) error {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	_, err := retry(func() (int, error) { return 0, unix.Flock(fd, how|unix.LOCK_NB) })
	if err == unix.EWOULDBLOCK {
		return ErrLocked
	}
	return err
}

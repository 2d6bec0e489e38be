package aiofiles

import (
	"golang.org/x/sys/unix"
)

// lockRange locks or unlocks by the open file, not by the process.
func lockRange(fd int, off, n int64, shared, unlock bool) error {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: off, Len: n}
	switch {
	case unlock:
		l.Type = unix.F_UNLCK
	case shared:
		l.Type = unix.F_RDLCK
	}
	_, err := retry(func() (int, error) { return 0, unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &l) })
	if err == unix.EAGAIN || err == unix.EACCES {
		return ErrLocked
	}
	return err
}

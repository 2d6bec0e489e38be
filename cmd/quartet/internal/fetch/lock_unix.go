//go:build unix

package fetch

import (
	"errors"
	"os"
	"syscall"
)

// lock locks dir until it is closed. A file system without locks is not locked.
func lock(dir *os.File) error {
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another quartet writes to this folder")
	}
	return nil
}

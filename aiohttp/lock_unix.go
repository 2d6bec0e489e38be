//go:build unix

package aiohttp

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes a lock that ends with the descriptor, and so with the process.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

func renameOpen(_ *os.File, from, to string) error { return os.Rename(from, to) }

// noFollow makes opening a link an error.
const noFollow = unix.O_NOFOLLOW

//go:build unix

package multiprocessing_test

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

func stopPid(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

var (
	// garble writes to the worker's own connection, and waits to be killed for it.
	garble = multiprocessing.Register("garble", func(_ context.Context, b []byte) (int, error) {
		for fd := 3; fd < 64; fd++ {
			if peer, err := syscall.Getpeername(fd); err == nil {
				if _, ok := peer.(*syscall.SockaddrUnix); ok {
					if _, err := syscall.Write(fd, b); err != nil {
						return 0, err
					}
					if len(b) < 32 { // half a frame: the end of the process cuts it
						os.Exit(0)
					}
					select {}
				}
			}
		}
		return 0, os.ErrNotExist
	})
	holdLock = multiprocessing.Register2("holdLock", func(_ context.Context, lock, held string) (int, error) {
		if err := flock(lock); err != nil {
			return 0, err
		}
		// Under its final name the file is whole.
		if err := os.WriteFile(held+".part", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			return 0, err
		}
		if err := os.Rename(held+".part", held); err != nil {
			return 0, err
		}
		select {}
	})
	takeLock = multiprocessing.Register("takeLock", func(_ context.Context, lock string) (int, error) { return 0, flock(lock) })
)

// flock locks a file until the process ends.
func flock(name string) error {
	fd, err := syscall.Open(name, syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	for {
		if err = syscall.Flock(fd, syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}

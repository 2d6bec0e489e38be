//go:build unix

package multiprocessing

import "syscall"

// killOwnGroup kills the process group that this child leads, and so itself.
func killOwnGroup() { _ = syscall.Kill(0, syscall.SIGKILL) }

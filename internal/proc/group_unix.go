//go:build unix && !linux

package proc

import "syscall"

func sysProcAttr(detached bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: detached, Setpgid: !detached}
}

func signalGroup(leader int, sig syscall.Signal) error { return syscall.Kill(-leader, sig) }

package proc

import "syscall"

func sysProcAttr(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func signalGroup(int, syscall.Signal) error { return unsupported("signalling a process group") }

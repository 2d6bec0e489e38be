//go:build unix

package proc

import (
	"net"
	"os"
	"syscall"
)

// Pair returns two connected stream sockets: one for this process, and one for a
// child to inherit. Neither goes to other children.
func Pair() (mine *net.UnixConn, childs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|sockCloexec, 0)
	if err == nil && sockCloexec == 0 {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	childs = os.NewFile(uintptr(fds[1]), "socketpair")
	if mine, err = Conn(os.NewFile(uintptr(fds[0]), "socketpair")); err != nil {
		childs.Close()
		return nil, nil, err
	}
	return mine, childs, nil
}

// Conn turns an inherited socket into a connection and closes f.
func Conn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, &net.OpError{Op: "inherit", Net: "unix", Addr: conn.LocalAddr(), Err: syscall.EPROTOTYPE}
	}
	return u, nil
}

//go:build unix

package proc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
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

// SendFiles sends a byte and the files on conn; they stay open here.
func SendFiles(conn *net.UnixConn, files []*os.File) error {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	_, _, err := conn.WriteMsgUnix([]byte{0}, syscall.UnixRights(fds...), nil)
	runtime.KeepAlive(files)
	return err
}

// ReceiveFiles receives the n files that SendFiles sent, close-on-exec. At the end of
// the connection the error is [io.EOF].
func ReceiveFiles(conn *net.UnixConn, n int) ([]*os.File, error) {
	var data [1]byte
	oob := make([]byte, syscall.CmsgSpace(4*n))
	got, oobn, _, _, err := conn.ReadMsgUnix(data[:], oob)
	if err != nil {
		return nil, err
	}
	if got == 0 {
		return nil, io.EOF
	}
	var files []*os.File
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	for _, m := range messages {
		fds, _ := syscall.ParseUnixRights(&m)
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	if err == nil && len(files) == n {
		return files, nil
	}
	for _, f := range files {
		f.Close()
	}
	return nil, fmt.Errorf("proc: received %d files, want %d: %w", len(files), n, errors.Join(err, syscall.EBADMSG))
}

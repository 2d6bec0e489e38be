package proc

import (
	"net"
	"os"
)

// Pair is not there on Windows: its children inherit no sockets.
func Pair() (mine *net.UnixConn, childs *os.File, err error) {
	return nil, nil, unsupported("a socket pair to a child")
}

// Conn is not there on Windows.
func Conn(f *os.File) (*net.UnixConn, error) {
	f.Close()
	return nil, unsupported("an inherited socket")
}

// SendFiles is not there on Windows.
func SendFiles(*net.UnixConn, []*os.File) error { return unsupported("sending files") }

// ReceiveFiles is not there on Windows.
func ReceiveFiles(*net.UnixConn, int) ([]*os.File, error) {
	return nil, unsupported("receiving files")
}

// Redirect is not there on Windows.
func Redirect(*os.File, int) error { return unsupported("redirecting a descriptor") }

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

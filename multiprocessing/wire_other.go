//go:build !unix

package multiprocessing

import (
	"errors"
	"net"
)

// socket is a connection as a source of frames.
type socket struct {
	*net.UnixConn
	unsent func(received uint64) []byte // never called: there is no ledger
}

// Recv implements frame.Source.
func (s *socket) Recv(p []byte) (int, []int, error) {
	n, err := s.Read(p)
	return n, nil, err
}

func sendWith(conn *net.UnixConn, b []byte, fds []int) error {
	if len(fds) > 0 {
		return errors.ErrUnsupported
	}
	_, err := conn.Write(b)
	return err
}

func closeFD(int) {}

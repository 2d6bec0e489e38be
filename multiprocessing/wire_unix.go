//go:build unix

package multiprocessing

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/quartet-go/quartet/internal/frame"
)

// socket is a connection as a source of frames.
type socket struct {
	*net.UnixConn
	oob      [1024]byte // room for more descriptors than the kernel passes at once
	received uint64
	unsent   func(received uint64) []byte // what the dead other side had not sent; nil if nobody knows
}

// Recv implements [frame.Source].
func (s *socket) Recv(p []byte) (int, []int, error) {
	n, oobn, _, _, err := s.ReadMsgUnix(p, s.oob[:])
	var fds []int
	if oobn > 0 {
		fds = rights(s.oob[:oobn])
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	s.received += uint64(max(n, 0))
	if s.unsent != nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
		n = copy(p, s.unsent(s.received))
		s.received += uint64(n)
		if n > 0 {
			return n, fds, nil
		}
	}
	return max(n, 0), fds, err // n is -1 beside some errors
}

func rights(oob []byte) (fds []int) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		if more, err := syscall.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, more...)
		}
	}
	return fds
}

// sendWith writes b, with descriptors that come with its first byte.
func sendWith(conn *net.UnixConn, b []byte, fds []int) error {
	if len(fds) > 0 {
		n, _, err := conn.WriteMsgUnix(b, syscall.UnixRights(fds...), nil)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	if len(b) == 0 {
		return nil
	}
	_, err := conn.Write(b)
	return err
}

func closeFD(fd int) { _ = syscall.Close(fd) }

var _ frame.Source = (*socket)(nil)

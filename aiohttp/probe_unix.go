//go:build unix

package aiohttp

import (
	"io"
	"net"
	"os"
	"syscall"
)

// A prober works on the descriptor of a connection: it looks at an idle one without
// reading from it, and tells when a read has to wait. It is made once a
// connection, so that neither allocates. One caller uses it at a time.
type prober struct {
	raw           syscall.RawConn
	lookAt        func(fd uintptr)
	closed, spoke bool

	tryRead func(fd uintptr) bool
	buf     []byte
	n       int
	err     error
	waits   func() // called once, before the read waits; or nil
}

// newProber returns nil if there is no descriptor to look at.
func newProber(c net.Conn) *prober {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	p := &prober{raw: raw}
	p.lookAt, p.tryRead = p.peek, p.try
	return p
}

// look reports whether the peer closed the connection, and whether it sent something.
func (p *prober) look() (closed, spoke bool) {
	p.closed, p.spoke = false, false
	if err := p.raw.Control(p.lookAt); err != nil {
		return true, false
	}
	return p.closed, p.spoke
}

func (p *prober) peek(fd uintptr) {
	var b [1]byte
	n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR:
	case err != nil || n == 0:
		p.closed = true
	default:
		p.spoke = true
	}
}

// read is Read of the connection, but for calling waits before it waits.
func (p *prober) read(buf []byte, waits func()) (int, error) {
	p.buf, p.waits = buf, waits
	err := p.raw.Read(p.tryRead)
	if p.buf, p.waits = nil, nil; err != nil {
		return 0, err
	}
	switch {
	case p.err != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", p.err)}
	case p.n == 0 && len(buf) > 0:
		return 0, io.EOF
	}
	return p.n, nil
}

func (p *prober) try(fd uintptr) (done bool) {
	for {
		p.n, p.err = syscall.Read(int(fd), p.buf)
		if p.err == syscall.EINTR {
			continue
		}
		break
	}
	if p.err != syscall.EAGAIN {
		return true
	}
	if p.waits != nil {
		p.waits()
		p.waits = nil
	}
	return false
}

//go:build unix

package aiohttp

import (
	"net"
	"syscall"
)

// A prober looks at an idle connection without reading from it. It is made once a
// connection, so that looking allocates nothing.
type prober struct {
	raw           syscall.RawConn
	f             func(fd uintptr)
	closed, spoke bool
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
	p.f = p.peek
	return p
}

// look reports whether the peer closed the connection, and whether it sent something.
// One caller looks at a time.
func (p *prober) look() (closed, spoke bool) {
	p.closed, p.spoke = false, false
	if err := p.raw.Control(p.f); err != nil {
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

//go:build unix

package aiohttp

import "syscall"

// probe reports whether a read of the idle connection would not wait: the peer
// closed it, it failed, or (if quiet is what it has to be) sent something.
// It looks by the descriptor, since net/http's reader sits in Read already.
func probe(raw syscall.RawConn, quiet bool) (stale bool) {
	err := raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR:
		case err != nil || n == 0:
			stale = true
		default:
			stale = quiet // TLS may send tickets at any time
		}
	})
	return stale || err != nil
}

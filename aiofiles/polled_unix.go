//go:build unix

package aiofiles

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// polled is a stream that is in blocking mode and has to stay so, since others
// share it: an inherited terminal or pipe. It asks poll(2) before each call, with a
// pipe beside it that interrupts.
type polled struct {
	*os.File
	fd int

	mu   sync.Mutex // guards following
	wake [2]int     // made at the first call, -1 before
	past bool       // interrupted
}

func newPolled(f *os.File) Handle {
	p := &polled{File: f, fd: -1, wake: [2]int{-1, -1}}
	if conn, err := f.SyscallConn(); err == nil {
		conn.Control(func(fd uintptr) { p.fd = int(fd) })
	}
	return p
}

// SetReadDeadline knows two times: the zero time, and one that has passed.
func (p *polled) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.past = !t.IsZero(); p.past && p.wake[1] >= 0 {
		unix.Write(p.wake[1], []byte{0})
	}
	return nil
}

// SetWriteDeadline is SetReadDeadline: the calls of a File come one at a time.
func (p *polled) SetWriteDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// ready waits until the file is ready for events, or interrupted.
func (p *polled) ready(events int16) error {
	p.mu.Lock()
	if p.wake[0] < 0 {
		if err := unix.Pipe(p.wake[:]); err != nil {
			p.mu.Unlock()
			return err
		}
		for _, fd := range p.wake {
			unix.CloseOnExec(fd)
			unix.SetNonblock(fd, true)
		}
	}
	past := p.past
	wake := p.wake[0]
	p.mu.Unlock()
	for !past {
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: events}, {Fd: int32(wake), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		if err != nil && err != unix.EINTR {
			return err
		}
		p.mu.Lock()
		past = p.past
		var drain [16]byte
		unix.Read(wake, drain[:])
		p.mu.Unlock()
		if err == nil && !past && fds[0].Revents != 0 {
			return nil
		}
	}
	return os.ErrDeadlineExceeded
}

func (p *polled) Read(b []byte) (int, error) {
	if err := p.ready(unix.POLLIN); err != nil {
		return 0, err
	}
	return p.File.Read(b)
}

// pipeBuf is what a pipe that is ready for writing takes without blocking, by POSIX.
const pipeBuf = 512

func (p *polled) Write(b []byte) (n int, err error) {
	for n < len(b) {
		if err := p.ready(unix.POLLOUT); err != nil {
			return n, err
		}
		m, err := p.File.Write(b[n:min(len(b), n+pipeBuf)])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// release closes what was made beside the file.
func (p *polled) release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wake[0] < 0 {
		return nil
	}
	err := errors.Join(unix.Close(p.wake[0]), unix.Close(p.wake[1]))
	p.wake = [2]int{-1, -1}
	return err
}

func (p *polled) Close() error { return errors.Join(p.release(), p.File.Close()) }

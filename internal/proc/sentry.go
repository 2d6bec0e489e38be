package proc

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Limits of what a sentry that fails may cost.
const (
	sentryRestarts = 10                     // how often one that was killed is started again
	sentryWrite    = 100 * time.Millisecond // how long a full pipe may hold up a start
	sentryEnd      = 5 * time.Second        // how long it may take to sweep at the end
)

// A Sentry is this process's end of a pipe to a process in a session of its own
// that outlives this one. When the pipe ends, because this process closed it or
// is gone, the sentry kills what is left of the trees that were started here.
// A sentry that is killed is started again. A nil *Sentry is none.
type Sentry struct {
	start func() (*Child, *os.File, error)

	mu     sync.Mutex // guards following
	groups map[int]struct{}
	child  *Child
	pipe   *os.File
	closed bool
	kept   chan struct{}
}

// NewSentry starts a sentry. start makes a pipe, starts a process that calls
// [ServeSentry] with its read end, and returns that process and the write end.
func NewSentry(start func() (*Child, *os.File, error)) (*Sentry, error) {
	s := &Sentry{start: start, groups: make(map[int]struct{}), kept: make(chan struct{})}
	var err error
	if s.child, s.pipe, err = start(); err != nil {
		return nil, err
	}
	go s.keep(s.child)
	return s, nil
}

// keep starts the sentry again when it ends before its time.
func (s *Sentry) keep(child *Child) {
	defer close(s.kept)
	for range sentryRestarts {
		<-child.Done()
		s.mu.Lock() // through the new start, so that no Close comes between
		if s.closed {
			s.mu.Unlock()
			return
		}
		next, pipe, err := s.start()
		if err != nil {
			s.mu.Unlock()
			slog.Error("quartet: the sentry ended and does not start again: detached descendants may outlive this process", "err", err)
			return
		}
		s.pipe.Close()
		s.child, s.pipe, child = next, pipe, next
		for leader := range s.groups {
			s.tell(leader)
		}
		s.mu.Unlock()
	}
	<-child.Done()
	if s.isClosed() {
		return
	}
	slog.Error("quartet: the sentry ended once too often: detached descendants may outlive this process", "state", child.State())
}

func (s *Sentry) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Pid returns the sentry's process id.
func (s *Sentry) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.child.Pid()
}

// Close ends the sentry and returns when it has swept and is gone.
func (s *Sentry) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	child := s.child
	s.pipe.Close()
	s.mu.Unlock()

	late := time.AfterFunc(sentryEnd, func() { _ = child.Signal(os.Kill) })
	defer late.Stop()
	<-child.Done()
	<-s.kept
}

func (s *Sentry) watch(leader int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[leader] = struct{}{}
	s.tell(leader)
}

func (s *Sentry) forget(leader int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.groups, leader)
	s.tell(-leader)
}

// tell writes one record: the leader of a group to watch, or less than zero, to
// forget. A sentry that does not read misses it, and finds that tree by its tag.
func (s *Sentry) tell(leader int) {
	if s.closed {
		return
	}
	_ = s.pipe.SetWriteDeadline(time.Now().Add(sentryWrite))
	_, _ = s.pipe.Write(binary.LittleEndian.AppendUint32(nil, uint32(int32(leader))))
}

// ServeSentry is the sentry's whole work: it reads pipe to its end, then kills the
// groups it was told of and every process of a tree inside that of tag.
func ServeSentry(pipe io.Reader, tag string) error {
	groups := make(map[int]struct{})
	var err error
	for {
		var record [4]byte
		if _, err = io.ReadFull(pipe, record[:]); err != nil {
			break
		}
		if leader := int(int32(binary.LittleEndian.Uint32(record[:]))); leader > 0 {
			groups[leader] = struct{}{}
		} else {
			delete(groups, -leader)
		}
	}
	for leader := range groups {
		killGroup(leader)
	}
	killInside(tag)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

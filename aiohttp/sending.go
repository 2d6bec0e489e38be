package aiohttp

import (
	"io"
	"strconv"
	"sync/atomic"
	"time"
)

// A sending is a body on its way, beside the goroutine that waits for the answer:
// the server may answer before it has all of it, or never read all.
type sending struct {
	h        *h1
	body     io.ReadCloser
	length   int64         // -1: in chunks
	proceed  chan bool     // the server's word on Expect: 100-continue; nil: not asked
	patience time.Duration // how long to wait for it

	blamed atomic.Bool // the body failed, not the connection

	done    chan struct{} // closed at the end; then
	err     error         // why not all was sent
	skipped bool          // the server did not want it
}

// run sends the body. It ends when all is sent, the connection is closed or the
// body fails, which closes the connection: half a request cannot be taken back.
func (s *sending) run() {
	defer close(s.done) // after the body was closed
	defer s.body.Close()
	if s.proceed != nil && !s.wanted() {
		s.skipped = true
		return
	}
	rerr, werr := s.copy()
	if s.err = werr; rerr != nil {
		s.err = rerr
		s.blamed.Store(true)
		s.h.k.Close()
	}
}

// wanted waits for the server's word, or for its time to be over (RFC 9110 §10.1.1).
func (s *sending) wanted() bool {
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case ok := <-s.proceed:
		return ok
	case <-timer.C:
		return true
	}
}

// goAhead tells a sending that waits whether its body is wanted; the first word counts.
func (s *sending) goAhead(wanted bool) {
	if s == nil || s.proceed == nil {
		return
	}
	select {
	case s.proceed <- wanted:
	default:
	}
}

const sendBuffer = 32 << 10

// copy writes the body, as it is or in chunks (RFC 9112 §7.1), and tells the
// error of reading from that of writing.
func (s *sending) copy() (rerr, werr error) {
	const room = 18 // for the length of a chunk
	buf := make([]byte, room+sendBuffer+2)
	for {
		n, err := s.body.Read(buf[room : room+sendBuffer])
		if n > 0 {
			out := buf[room : room+n]
			if s.length < 0 {
				head := strconv.AppendInt(make([]byte, 0, room), int64(n), 16)
				head = append(head, "\r\n"...)
				out = append(buf[room-len(head):room+n], "\r\n"...)
				copy(out, head)
			}
			if _, werr := s.h.conn.Write(out); werr != nil {
				return nil, werr
			}
		}
		switch {
		case err == io.EOF && s.length < 0:
			_, werr = s.h.conn.Write([]byte("0\r\n\r\n"))
			return nil, werr
		case err == io.EOF:
			return nil, nil
		case err != nil:
			return err, nil
		}
	}
}

// lag is how long the end of a body may come after the end of the answer.
const lag = 50 * time.Millisecond

// finished reports whether the whole body was sent, or there is none. It waits a
// moment: who has sent the last byte may not have said so yet.
func (s *sending) finished() bool {
	if s == nil {
		return true
	}
	select {
	case <-s.done:
	default:
		timer := time.NewTimer(lag)
		defer timer.Stop()
		select {
		case <-s.done:
		case <-timer.C:
			return false
		}
	}
	return s.err == nil && !s.skipped
}

// blame puts the error of the body in the place of its consequence.
func (s *sending) blame(err error) error {
	if s == nil || !s.blamed.Load() {
		return err
	}
	<-s.done
	return s.err
}

package multiprocessing

import (
	"net"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/frame"
)

// An outlet is the worker's way out. Answers of quick tasks are kept a moment, in
// the ledger, to go together.
type outlet struct {
	conn   *net.UnixConn
	ledger *ledger // nil: each answer goes at once

	mu    sync.Mutex // guards following, and writing to conn
	base  uint64     // position in the stream of the first byte that is kept
	n     int        // how many are
	since time.Duration
	late  *time.Timer // sends what is kept while a long task runs
}

const (
	quickTask = 20 * time.Microsecond // longest task whose answer is kept
	keepTime  = 50 * time.Microsecond // for which answers are kept while there are more tasks
	lateTime  = time.Millisecond      // after which they go although a task runs
)

// send sends a frame that is whole, after what is kept.
func (o *outlet) send(out []byte) error { return o.sendFDs(out, nil) }

func (o *outlet) sendFDs(out []byte, fds []int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.flushLocked(); err != nil {
		return err
	}
	err := sendWith(o.conn, out, fds)
	o.base += uint64(len(out))
	if o.ledger != nil {
		o.ledger.kept(o.base, o.base)
	}
	return err
}

func (o *outlet) sendFrame(h frame.Header, body []byte) error {
	h.Len = uint64(len(body))
	return o.send(append(frame.Append(make([]byte, 0, frame.HeaderLen+len(body)), h), body...))
}

// keep takes an answer at a time since ledger.clock, and sends it at once or soon.
func (o *outlet) keep(out []byte, now time.Duration) error {
	if o.ledger == nil || len(out) > len(o.ledger.room())/4 {
		return o.send(out)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ledger.room())-o.n < len(out) {
		if err := o.flushLocked(); err != nil {
			return err
		}
	}
	if o.n == 0 {
		o.since = now
		if o.late == nil {
			o.late = time.AfterFunc(lateTime, func() { _ = o.flush() })
		} else {
			o.late.Reset(lateTime)
		}
	}
	o.n += copy(o.ledger.room()[o.n:], out)
	o.ledger.kept(o.base, o.base+uint64(o.n))
	if now-o.since > keepTime {
		return o.flushLocked()
	}
	return nil
}

func (o *outlet) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.flushLocked()
}

func (o *outlet) flushLocked() error {
	if o.n == 0 {
		return nil
	}
	o.late.Stop()
	_, err := o.conn.Write(o.ledger.room()[:o.n])
	o.base += uint64(o.n)
	o.n = 0
	o.ledger.kept(o.base, o.base)
	return err
}

package aiohttp

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A conn is one connection of a [Connector], below TLS: all that is read and
// written goes through it, so it knows how much was written and when it was closed.
type conn struct {
	net.Conn
	prober *prober // nil if there is no descriptor
	pool   *Connector
	host   *host
	h2     bool             // says which of the following two speaks on it
	h1     *h1              // HTTP/1.1
	cc     *http.ClientConn // HTTP/2
	born   time.Time

	dnsTook, dialTook, tlsTook time.Duration // set before the connection is used

	streams atomic.Int32 // in use, changed under the pool's lock; HTTP/2 only
	proven  atomic.Int32 // how many of them net/http has reserved

	waits func() // for the exchange on it; HTTP/1 only, and only with a prober

	watch   watch        // of the exchange on it; HTTP/1 only
	written atomic.Int64 // bytes
	dead    atomic.Bool  // closed by whomever

	watchMu sync.Mutex // guards following
	watches []*watch   // of streams that ended, for new ones

	// Guarded by the pool's lock.
	maxStreams int32
	idleSince  time.Time
	idleFor    time.Duration // the server's word; zero: none
	prev, next *conn         // in Connector.idle
	isIdle     bool
}

func newConn(pool *Connector, h *host, raw net.Conn) *conn {
	k := &conn{Conn: raw, prober: newProber(raw), pool: pool, host: h, born: time.Now()}
	k.watch.victim = k
	return k
}

// Read calls waits, if that is set, before it waits.
func (k *conn) Read(p []byte) (int, error) {
	if k.prober == nil || k.h2 {
		return k.Conn.Read(p)
	}
	return k.prober.read(p, k.waits)
}

func (k *conn) Write(p []byte) (int, error) {
	if k.h2 { // each stream has a watch of its own
		n, err := k.Conn.Write(p)
		k.written.Add(int64(n))
		return n, err
	}
	k.watch.writing()
	n, err := k.Conn.Write(p)
	k.written.Add(int64(n))
	k.watch.wrote()
	return n, err
}

// Close is called by net/http, also while it holds its own locks.
func (k *conn) Close() error {
	if !k.dead.Swap(true) {
		k.watch.stop()
		k.stopWatches()
		k.pool.gone(k)
	}
	return k.Conn.Close()
}

// close ends the connection and everything that goes on on it.
func (k *conn) close() {
	switch {
	case k.cc != nil:
		k.cc.Close()
	case k.h1 != nil:
		k.h1.conn.Close()
	default:
		k.Close()
	}
}

// kill is Close, for a watch.
func (k *conn) kill() { k.Close() }

// streamWatch returns a watch for a stream: an ended one's, whose timer runs already.
func (k *conn) streamWatch(x *exchange) *watch {
	k.watchMu.Lock()
	defer k.watchMu.Unlock()
	n := len(k.watches)
	if n == 0 {
		return &watch{victim: x}
	}
	w := k.watches[n-1]
	k.watches = k.watches[:n-1]
	w.victim = x
	return w
}

// keepWatch takes the watch of a stream that ended, unless it fired.
func (k *conn) keepWatch(w *watch) {
	if w == nil || !w.forget() {
		return
	}
	k.watchMu.Lock()
	defer k.watchMu.Unlock()
	if k.dead.Load() {
		w.stop()
	} else {
		k.watches = append(k.watches, w)
	}
}

// stopWatches ends the timers of a connection that was closed.
func (k *conn) stopWatches() {
	k.watchMu.Lock()
	defer k.watchMu.Unlock()
	for _, w := range k.watches {
		w.stop()
	}
	k.watches = nil
}

// gone forgets a connection that was closed.
func (c *Connector) gone(k *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.conns[k]; !ok {
		return
	}
	delete(c.conns, k)
	if k.isIdle {
		c.removeIdleLocked(k)
	}
	c.dropH2Locked(k)
	c.forgetLocked(k.host)
}

func (c *Connector) dropH2Locked(k *conn) {
	for i, o := range k.host.h2 {
		if o == k {
			k.host.h2 = append(k.host.h2[:i], k.host.h2[i+1:]...)
			return
		}
	}
}

// putIdleLocked keeps k for the next request.
func (c *Connector) putIdleLocked(h *host, k *conn, then *later) {
	if k.dead.Load() {
		return
	}
	now := time.Now()
	if c.closed || c.opts.MaxIdle < 0 || c.tooOld(k, now) {
		then.closes = append(then.closes, k)
		return
	}
	k.idleSince, k.isIdle = now, true
	h.idle = append(h.idle, k)
	c.idle.push(k)
	if c.idle.n > c.opts.MaxIdle {
		oldest := c.idle.first
		c.removeIdleLocked(oldest)
		then.closes = append(then.closes, oldest)
	}
	c.armSweeperLocked()
}

func (c *Connector) armSweeperLocked() {
	if c.sweeper == nil && !c.closed && c.opts.KeepAlive > 0 {
		c.sweeper = time.AfterFunc(c.opts.KeepAlive, c.sweep)
	}
}

func (c *Connector) removeIdleLocked(k *conn) {
	for i := len(k.host.idle) - 1; i >= 0; i-- {
		if k.host.idle[i] == k {
			k.host.idle = append(k.host.idle[:i], k.host.idle[i+1:]...)
			break
		}
	}
	c.idle.remove(k)
	k.isIdle = false
}

// takeIdleLocked takes the connection that was used last: the least likely to be closed.
func (c *Connector) takeIdleLocked(h *host) *conn {
	n := len(h.idle)
	if n == 0 {
		return nil
	}
	c.stats.Reused++
	k := h.idle[n-1]
	h.idle[n-1] = nil
	h.idle = h.idle[:n-1]
	c.idle.remove(k)
	k.isIdle = false
	return k
}

func (c *Connector) tooOld(k *conn, now time.Time) bool {
	return c.opts.MaxAge > 0 && now.Sub(k.born) >= c.opts.MaxAge
}

func (c *Connector) idleTooLong(k *conn, now time.Time) bool {
	idle := now.Sub(k.idleSince)
	return idle >= c.opts.KeepAlive || k.idleFor > 0 && idle >= k.idleFor
}

// usable reports whether a connection that was idle can serve, and closes it otherwise.
func (c *Connector) usable(k *conn, now time.Time) bool {
	switch {
	case c.tooOld(k, now) || c.idleTooLong(k, now):
		c.count(func(s *Stats) { s.Expired++; s.Reused-- })
	case k.h1.stale(now.Sub(k.idleSince)):
		c.count(func(s *Stats) { s.Stale++; s.Reused-- })
	default:
		return true
	}
	k.close()
	return false
}

func (c *Connector) count(f func(*Stats)) {
	c.mu.Lock()
	f(&c.stats)
	c.mu.Unlock()
}

// sweep closes what was idle too long or closed by its peer. It runs while there are idle connections.
func (c *Connector) sweep() {
	now := time.Now()
	var expired []*conn
	c.mu.Lock()
	for k := c.idle.first; k != nil; {
		next := k.next
		switch {
		case c.idleTooLong(k, now) || c.tooOld(k, now):
			c.stats.Expired++
		case k.h1.hungUp():
			c.stats.Stale++
		default:
			k = next
			continue
		}
		c.removeIdleLocked(k)
		expired = append(expired, k)
		k = next
	}
	for k := range c.conns {
		if k.h2 && k.streams.Load() == 0 && (c.tooOld(k, now) || now.Sub(k.idleSince) >= c.opts.KeepAlive) {
			c.dropH2Locked(k)
			c.stats.Expired++
			expired = append(expired, k)
		}
	}
	if len(c.conns) > len(expired) && !c.closed {
		c.sweeper.Reset(max(c.opts.KeepAlive/4, 100*time.Millisecond))
	} else {
		c.sweeper = nil
	}
	c.mu.Unlock()
	for _, k := range expired {
		k.close()
	}
}

// A connList keeps idle connections by the time they became so.
type connList struct {
	first, last *conn
	n           int
}

func (l *connList) push(k *conn) {
	k.prev, k.next = l.last, nil
	if l.last != nil {
		l.last.next = k
	} else {
		l.first = k
	}
	l.last = k
	l.n++
}

func (l *connList) remove(k *conn) {
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		l.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	} else {
		l.last = k.prev
	}
	k.prev, k.next = nil, nil
	l.n--
}

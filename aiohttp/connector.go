package aiohttp

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// ConnectorOptions configures a [Connector]. A nil pointer or a zero field means the default.
type ConnectorOptions struct {
	// Limit is how many requests may be in flight, dialing included. Default: 100. Negative: no limit.
	Limit int
	// PerHost is how many of them may go to one host (scheme, host, port, proxy, TLS settings). Default: no limit.
	PerHost int
	// MaxIdle is how many connections are kept while nobody uses them. Default: 256. Negative: none.
	MaxIdle int
	// KeepAlive is how long one is kept; a shorter time in the server's Keep-Alive header goes first.
	// Default: 30s. Negative: every connection serves one request.
	KeepAlive time.Duration
	// MaxAge is how long a connection serves new requests after it was made, so that
	// changes in DNS are noticed. Default: no limit.
	MaxAge time.Duration

	// Protocols that may be spoken. Default: HTTP/1.1, and HTTP/2 over TLS.
	Protocols *http.Protocols
	// HTTP2 tunes HTTP/2. Default: a ping after 30s of silence, 15s for its answer.
	HTTP2 *http.HTTP2Config
	// TLS is the base of every TLS configuration. It is cloned.
	TLS *tls.Config

	// Resolver finds addresses. Default: [net.DefaultResolver].
	Resolver Resolver
	// DNSTTL is how long an address is remembered. Default: 10s. Negative: not at all.
	DNSTTL time.Duration
	// FallbackDelay is how long an address has for itself before the next one is tried
	// beside it (RFC 8305). Default: 250ms.
	FallbackDelay time.Duration
	// LocalAddr is the address to connect from.
	LocalAddr net.Addr
	// Network is "tcp" (default), "tcp4" or "tcp6".
	Network string
	// Dial replaces the making of a connection to an address: "tcp", "192.0.2.1:80".
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// UnixPath is a Unix socket that all connections go to, whatever the URL's host.
	UnixPath string
	// AllowAddr is asked for every address before it is connected; an error refuses
	// the address. [DenyPrivate] guards against requests into one's own network.
	AllowAddr func(address string) error

	// MaxHeaderBytes bounds the header of an answer. Default: 256 KiB.
	MaxHeaderBytes int64
	// MaxHeaders bounds the number of its fields. Default: 128 names with at most 1024 values.
	MaxHeaders int
	// ExpectTimeout is how long a request with Expect: 100-continue waits for the
	// server's word before it sends its body. Default: 1s.
	ExpectTimeout time.Duration
}

func (o *ConnectorOptions) withDefaults() ConnectorOptions {
	var c ConnectorOptions
	if o != nil {
		c = *o
	}
	setDefault(&c.Limit, 100)
	setDefault(&c.MaxIdle, 256)
	setDefault(&c.KeepAlive, 30*time.Second)
	setDefault(&c.DNSTTL, 10*time.Second)
	setDefault(&c.FallbackDelay, 250*time.Millisecond)
	setDefault(&c.Network, "tcp")
	setDefault(&c.MaxHeaderBytes, 256<<10)
	setDefault(&c.MaxHeaders, defaultMaxHeaders)
	setDefault(&c.ExpectTimeout, time.Second)
	if c.Protocols == nil {
		c.Protocols = new(http.Protocols)
		c.Protocols.SetHTTP1(true)
		c.Protocols.SetHTTP2(true)
	}
	if c.HTTP2 == nil {
		c.HTTP2 = &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second}
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
	}
	return c
}

const defaultMaxHeaders = 128

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// A Connector is a pool of connections, which sessions may share. It bounds what
// is in flight, in the order of arrival, and keeps connections for the next request.
//
// It is safe for use by many goroutines. No lock of it is held while a call waits.
//
// Python: aiohttp.TCPConnector and UnixConnector.
type Connector struct {
	opts      ConnectorOptions
	transport *http.Transport // for HTTP/2
	dns       *dnsCache
	life      context.Context // of dials: ends with the connector
	end       context.CancelCauseFunc

	mu       sync.Mutex // guards following
	closed   bool
	limit    int // in flight; below 1: none
	perHost  int
	inFlight int
	seq      uint64 // of the last waiter
	waiting  int
	hosts    map[hostKey]*host
	ready    readyHosts // those whose first waiter only needs the total limit
	conns    map[*conn]struct{}
	idle     connList // all idle connections, least recently used first
	sweeper  *time.Timer
	stats    Stats
}

// A hostKey is what a connection is made for: it serves only requests with an equal one.
type hostKey struct {
	scheme, addr string // addr is host:port
	proxy        string // URL with user, or ""
	tls          tlsKey
}

// A host is one key's share of the pool. Its fields are guarded by the Connector's lock.
type host struct {
	key      hostKey
	inFlight int
	waiters  waiterList
	heapPos  int // in Connector.ready; -1 if not there
	idle     []*conn
	h2       []*conn
	proto    proto
	dialing  *sharedDial
}

type proto int

const (
	protoUnknown proto = iota
	protoH1
	protoH2
)

// NewConnector returns a Connector. Close it after use.
func NewConnector(opts *ConnectorOptions) *Connector {
	o := opts.withDefaults()
	c := &Connector{
		opts:    o,
		limit:   o.Limit,
		perHost: o.PerHost,
		hosts:   make(map[hostKey]*host),
		conns:   make(map[*conn]struct{}),
	}
	c.life, c.end = context.WithCancelCause(context.Background())
	c.dns = newDNSCache(o.Resolver, o.DNSTTL)
	c.transport = &http.Transport{
		DialContext:            dialReady,
		DialTLSContext:         dialReady,
		DisableCompression:     true,
		ExpectContinueTimeout:  o.ExpectTimeout,
		MaxResponseHeaderBytes: o.MaxHeaderBytes,
		Protocols:              o.Protocols,
		HTTP2:                  o.HTTP2,
	}
	return c
}

// Close closes every connection, also those in use, and fails those who wait
// with [ErrSessionClosed]. It may be called more than once.
func (c *Connector) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	if c.sweeper != nil {
		c.sweeper.Stop()
	}
	var then later
	for k := range c.conns {
		then.closes = append(then.closes, k)
	}
	for _, h := range c.hosts {
		for w := h.waiters.pop(); w != nil; w = h.waiters.pop() {
			c.waiting--
			w.err = ErrSessionClosed
			if w.wake != nil {
				then.wakes = append(then.wakes, w.wake)
			}
		}
		h.heapPos = -1
	}
	c.ready = nil
	c.mu.Unlock()
	c.end(ErrSessionClosed)
	then.run()
	c.dns.close()
	return nil
}

// SetLimits changes the limits of what is in flight, as in [ConnectorOptions].
// What is above a new limit runs on; those who wait and now have room go ahead at once.
func (c *Connector) SetLimits(limit, perHost int) {
	c.mu.Lock()
	setDefault(&limit, 100)
	c.limit, c.perHost = limit, perHost
	for _, h := range c.hosts {
		c.placeLocked(h)
	}
	var then later
	c.dispatchLocked(&then)
	c.mu.Unlock()
	then.run()
}

// Stats are numbers of a [Connector].
type Stats struct {
	// InFlight is how many requests hold a place now, Waiting how many wait for one.
	InFlight, Waiting int
	// Open is how many connections exist, Idle how many of them nobody uses.
	Open, Idle int
	// Dials, Reused count connections made and taken from the pool; Resends the requests sent
	// again because a kept connection turned out closed.
	Dials, Reused, Resends uint64
	// Expired counts kept connections closed for their age or idle time, Stale those found closed by the peer.
	Expired, Stale uint64
	// Leaked counts responses that were dropped without Close.
	Leaked uint64
}

// Stats returns the current numbers.
func (c *Connector) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.InFlight, s.Waiting, s.Open, s.Idle = c.inFlight, c.waiting, len(c.conns), c.idle.n
	return s
}

func (c *Connector) hostLocked(key *hostKey) *host {
	h := c.hosts[*key]
	if h == nil {
		h = &host{key: *key, heapPos: -1}
		c.hosts[*key] = h
	}
	return h
}

// forgetLocked drops a host that holds nothing.
func (c *Connector) forgetLocked(h *host) {
	if h.inFlight == 0 && h.waiters.first == nil && len(h.idle) == 0 && len(h.h2) == 0 && h.dialing == nil && c.hosts[h.key] == h {
		delete(c.hosts, h.key)
	}
}

func (c *Connector) hasRoomLocked(h *host) bool {
	return (c.limit < 1 || c.inFlight < c.limit) && c.hostHasRoomLocked(h)
}

func (c *Connector) hostHasRoomLocked(h *host) bool {
	return c.perHost < 1 || h.inFlight < c.perHost
}

// place takes a place in flight for h, after those who came before. With it may
// come an idle connection, or a stream of one that is not reserved yet. waited tells whether there was a queue.
func (c *Connector) place(ctx context.Context, key *hostKey, now time.Time, limit time.Duration, tr *requestTrace) (h *host, k *conn, waited bool, err error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, nil, false, ErrSessionClosed
	}
	h = c.hostLocked(key)
	if h.waiters.first == nil && c.hasRoomLocked(h) && (len(c.ready) == 0) {
		h.inFlight++
		c.inFlight++
		if k = c.takeIdleLocked(h); k == nil {
			k = c.takeStreamLocked(h, now)
		}
		c.mu.Unlock()
		return h, k, false, nil
	}
	c.seq++
	w := &waiter{host: h, seq: c.seq}
	h.waiters.push(w)
	c.waiting++
	c.placeLocked(h)
	c.mu.Unlock()
	if tr != nil {
		tr.queued(true)
		defer tr.queued(false)
	}
	if err := c.await(ctx, w, limit); err != nil {
		return nil, nil, true, err
	}
	return h, w.conn, true, nil
}

func (c *Connector) await(ctx context.Context, w *waiter, limit time.Duration) error {
	waitCtx := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		waitCtx, cancel = context.WithTimeoutCause(ctx, limit, &TimeoutError{Phase: PhasePool, Limit: limit})
		defer cancel()
	}
	err := park.Wait(waitCtx, func(wake func()) {
		c.mu.Lock()
		w.wake = wake
		done := w.granted || w.err != nil
		c.mu.Unlock()
		if done {
			wake()
		}
	})
	c.mu.Lock()
	if err == nil || w.granted && ctx.Err() == nil {
		defer c.mu.Unlock()
		return w.err
	}
	if w.granted {
		var then later
		if w.conn != nil {
			c.stats.Reused--
		}
		c.releaseLocked(w.host, w.conn, &then)
		c.mu.Unlock()
		then.run()
		return err
	}
	if w.err == nil {
		w.host.waiters.remove(w)
		c.waiting--
		c.placeLocked(w.host)
		c.forgetLocked(w.host)
	}
	c.mu.Unlock()
	if t, ok := context.Cause(waitCtx).(*TimeoutError); ok && ctx.Err() == nil {
		return t
	}
	return err
}

// release gives a place back, with the connection if that can serve another request.
func (c *Connector) release(h *host, k *conn) {
	var then later
	c.mu.Lock()
	c.releaseLocked(h, k, &then)
	c.mu.Unlock()
	then.run()
}

func (c *Connector) releaseLocked(h *host, k *conn, then *later) {
	h.inFlight--
	c.inFlight--
	if k != nil {
		c.putIdleLocked(h, k, then)
	}
	c.placeLocked(h)
	c.dispatchLocked(then)
	c.forgetLocked(h)
}

// dispatchLocked gives free places to those who wait longest and have room at their host.
func (c *Connector) dispatchLocked(then *later) {
	for len(c.ready) > 0 && (c.limit < 1 || c.inFlight < c.limit) && !c.closed {
		h := c.ready[0]
		w := h.waiters.pop()
		c.waiting--
		h.inFlight++
		c.inFlight++
		w.granted = true
		w.conn = c.takeIdleLocked(h)
		c.placeLocked(h)
		if w.wake != nil {
			then.wakes = append(then.wakes, w.wake)
		}
	}
}

// later is what has to be done after the pool's lock was released.
type later struct {
	wakes  []func()
	closes []*conn
}

func (l *later) run() {
	for _, wake := range l.wakes {
		wake()
	}
	for _, k := range l.closes {
		k.close()
	}
}

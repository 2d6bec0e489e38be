package aiohttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// A target is where and how one request is sent.
type target struct {
	key      hostKey
	proxy    *url.URL
	header   http.Header // for CONNECT
	tls      *TLSOptions
	timeouts *Timeouts
	trace    *requestTrace
}

// An exchange is one request on one connection, until its body ended. It holds a
// place in flight.
type exchange struct {
	pool   *Connector
	host   *host
	k      *conn
	resp   *http.Response
	body   io.ReadCloser // of resp
	limits *Timeouts
	watch  *watch // the connection's, or the stream's
	ctx    context.Context
	cancel chan struct{} // closed to end the stream; HTTP/2 only
	killed atomic.Bool   // cancel was closed
	reused bool
	start  int64 // what the connection had written before
	times  times
	err    error // that ended the body
	ended  atomic.Bool
}

// roundTrip sends a request, once more if a kept connection turned out closed
// and the request may be repeated.
func (c *Connector) roundTrip(ctx context.Context, t *target, req *Request) (*exchange, error) {
	begin := time.Now()
	h, k, waited, err := c.place(ctx, &t.key, begin, t.timeouts.Pool, t.trace)
	if err != nil {
		return nil, err
	}
	placed := begin
	if waited {
		placed = time.Now()
	}
	resent := false
	for refusals := 0; ; {
		x := &exchange{pool: c, host: h, limits: t.timeouts, ctx: ctx, times: times{begin: begin, placed: placed}}
		if x.k, x.reused, err = c.connection(ctx, h, k, t, placed, resent); err != nil {
			c.release(h, nil)
			return nil, err
		}
		k = nil
		x.times.connected = placed // a moment ago
		if !x.reused || resent {
			x.times.connected = time.Now()
		}
		if x.k.h2 {
			x.cancel = make(chan struct{})
		}
		hr, err := req.httpRequest(ctx, x.cancel, t.proxy != nil)
		if err != nil {
			x.giveUp(true)
			return nil, err
		}
		err = x.roundTrip(hr)
		if err == nil {
			x.times.answered = time.Now()
			return x, nil
		}
		refused := x.k.h2 && refused(err) && ctx.Err() == nil
		again := refused && refusals < maxRefusals || !resent && x.mayResend(err, req.Method)
		err = x.cause(err)
		if !again || !req.Body.canSend() {
			x.giveUp(false)
			return nil, err
		}
		if refused {
			refusals++
			x.watch.stop()
			c.full(x.k, x.reused)
			continue
		}
		resent = true
		x.drop()
		c.count(func(s *Stats) { s.Resends++ })
	}
}

// maxRefusals is how often a request may be refused by servers that have not yet said how
// many streams they take; nothing of it was processed then (RFC 9113 §8.7).
const maxRefusals = 10

func (x *exchange) roundTrip(hr *http.Request) (err error) {
	if x.k.h2 {
		x.watch = x.k.streamWatch(x)
		x.watch.set(PhaseFirstByte, x.limits.FirstByte, x.times.connected)
	} else {
		x.watch = &x.k.watch
		x.start = x.k.written.Load()
		x.watch.sending(x.limits, x.times.connected)
	}
	if park.Current() == nil {
		x.resp, err = x.k.cc.RoundTrip(hr)
	} else {
		err = x.parkedRoundTrip(hr)
	}
	x.watch.clear()
	if err != nil {
		return err
	}
	if x.body = x.resp.Body; x.body == http.NoBody {
		x.end(true)
	}
	return nil
}

// parkedRoundTrip stands alone so that the variables of roundTrip need no heap.
func (x *exchange) parkedRoundTrip(hr *http.Request) (err error) {
	if perr := park.Do(hr.Context(), func() { x.resp, err = x.k.cc.RoundTrip(hr) }); perr != nil {
		x.k.cc.Release()
		return perr
	}
	return err
}

// mayResend reports whether a request that failed with err can be sent again
// without the risk of doing something twice: nothing of it was written; or the
// connection was a kept one that the server closed, and the method is idempotent
// (RFC 9112 §9.3.1); or the server said that it did not begin (RFC 9113 §8.7).
func (x *exchange) mayResend(err error, method string) bool {
	if x.ctx.Err() != nil || x.watch.err() != nil {
		return false
	}
	if x.k.h2 {
		return unprocessed(err) || x.reused && idempotent(method) && isDisconnect(err)
	}
	if !x.reused {
		return false
	}
	return x.k.written.Load() == x.start || idempotent(method) && isDisconnect(err)
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY":
		return true
	}
	return false
}

// refused recognises HTTP/2's word for "not this one now", unprocessed a
// connection that ended before the request began. net/http exports no errors for them.
func refused(err error) bool { return strings.Contains(err.Error(), "REFUSED_STREAM") }

func unprocessed(err error) bool {
	s := err.Error()
	return strings.Contains(s, "client conn not usable") ||
		strings.Contains(s, "client conn is closed") ||
		strings.Contains(s, "Transport received Server's graceful shutdown GOAWAY")
}

// cause finds out why the exchange failed.
func (x *exchange) cause(err error) error {
	if t := x.watch.err(); t != nil {
		return t
	}
	if cerr := park.Cause(x.ctx); cerr != nil {
		return cerr
	}
	if x.pool.isClosed() {
		return ErrSessionClosed
	}
	return err
}

func (c *Connector) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Read reads the body as transferred.
func (x *exchange) Read(p []byte) (int, error) {
	if x.err != nil {
		return 0, x.err
	}
	x.watch.set(PhaseRead, x.limits.Read, time.Now())
	n, err := x.body.Read(p)
	x.watch.clear()
	if err != nil {
		if err != io.EOF {
			err = x.cause(err)
		}
		x.err = err
		x.end(err == io.EOF)
	}
	return n, err
}

// end gives the connection back, or closes it unless the body was read whole.
func (x *exchange) end(whole bool) {
	if x.ended.Swap(true) {
		return
	}
	if x.k.h2 {
		if !whole {
			x.body.Close()
		}
		x.pool.releaseStream(x.host, x.k, x.watch)
		return
	}
	if whole && !x.k.dead.Load() && x.k.cc.Available() == 1 {
		if v := x.resp.Header["Keep-Alive"]; v != nil {
			x.k.idleFor = keepAliveFor(v[0])
		}
		x.pool.release(x.host, x.k)
		return
	}
	x.k.close()
	x.pool.release(x.host, nil)
}

// giveUp ends an exchange that has no response; intact if nothing was sent.
func (x *exchange) giveUp(intact bool) {
	x.ended.Store(true)
	switch {
	case x.k.h2:
		if intact {
			x.k.cc.Release()
		}
		x.pool.releaseStream(x.host, x.k, x.watch)
	case intact:
		x.k.cc.Release()
		x.pool.release(x.host, x.k)
	default:
		x.k.close()
		x.pool.release(x.host, nil)
	}
}

// drop lets the connection go and keeps the place.
func (x *exchange) drop() {
	if !x.k.h2 {
		x.k.close()
		return
	}
	x.watch.stop()
	x.pool.retire(x.k)
	x.pool.freeStream(x.k)
}

// keepAliveFor reads the server's "timeout=5" and stays a second below it.
func keepAliveFor(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "timeout") {
			if s, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				return max(time.Duration(s)*time.Second-time.Second, 100*time.Millisecond)
			}
		}
	}
	return 0
}

// A sharedDial is a dial whose outcome decides for all: a connection of HTTP/2
// serves them all, and with HTTP/1 each dials for itself.
type sharedDial struct {
	done  bool
	err   error // nil too if the one who dialed gave up
	wakes []func()
}

// connection finds a connection for a place that was taken: the idle one that
// came with it, another one, a stream of HTTP/2, or a new one.
func (c *Connector) connection(ctx context.Context, h *host, k *conn, t *target, now time.Time, fresh bool) (*conn, bool, error) {
	mayShare := c.mayShare(t)
	for {
		if k == nil {
			c.mu.Lock()
			if !fresh {
				k = c.takeIdleLocked(h)
			}
			c.mu.Unlock()
		}
		if k != nil {
			if k.h2 {
				if k.cc.Reserve() != nil {
					c.full(k, true)
					k = nil
					continue
				}
			} else if !c.usable(k, now) {
				k = nil
				continue
			}
			if t.trace != nil {
				t.trace.reuse()
			}
			return k, true, nil
		}
		if !mayShare {
			k, err := c.dial(ctx, &dialPlan{host: h, proxy: t.proxy, header: t.header, tls: t.tls, timeouts: t.timeouts, trace: t.trace})
			return k, false, err
		}
		k, reused, again, err := c.stream(ctx, h, t)
		if !again {
			return k, reused, err
		}
	}
}

func (c *Connector) mayShare(t *target) bool {
	p := c.opts.Protocols
	if t.key.scheme == "https" {
		return p.HTTP2()
	}
	return p.UnencryptedHTTP2() && !p.HTTP1()
}

// putBack keeps a connection that was not used.
func (c *Connector) putBack(h *host, k *conn) {
	var then later
	c.mu.Lock()
	c.putIdleLocked(h, k, &then)
	c.mu.Unlock()
	then.run()
}

// stream takes a stream on a connection of HTTP/2, or makes the first connection,
// of whatever protocol, or waits for the one that is being made.
func (c *Connector) stream(ctx context.Context, h *host, t *target) (k *conn, reused, again bool, err error) {
	now := time.Now()
	c.mu.Lock()
	if k = c.takeStreamLocked(h, now); k != nil {
		c.mu.Unlock()
		if k.cc.Reserve() == nil {
			if t.trace != nil {
				t.trace.reuse()
			}
			return k, true, false, nil
		}
		c.full(k, true)
		return nil, false, true, nil
	}
	if d := h.dialing; d != nil && h.proto != protoH1 {
		c.mu.Unlock()
		err := park.Wait(ctx, func(wake func()) {
			c.mu.Lock()
			done := d.done
			if !done {
				d.wakes = append(d.wakes, wake)
			}
			c.mu.Unlock()
			if done {
				wake()
			}
		})
		if err == nil {
			c.mu.Lock()
			err = d.err
			c.mu.Unlock()
		}
		return nil, false, err == nil, err
	}
	d := &sharedDial{}
	if h.proto != protoH1 {
		h.dialing = d
	}
	c.mu.Unlock()

	k, err = c.dial(ctx, &dialPlan{host: h, proxy: t.proxy, header: t.header, tls: t.tls, timeouts: t.timeouts, trace: t.trace})

	c.mu.Lock()
	if h.dialing == d {
		h.dialing = nil
	}
	d.done = true
	if err != nil && ctx.Err() == nil {
		d.err = err
	}
	if err == nil {
		h.proto = protoH1
		if k.h2 {
			h.proto = protoH2
			k.streams, k.maxStreams = 1, maxStreamsUnknown
			h.h2 = append(h.h2, k)
			c.armSweeperLocked()
		}
	}
	wakes := d.wakes
	d.wakes = nil
	c.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
	if err == nil && k.h2 {
		if rerr := k.cc.Reserve(); rerr != nil {
			c.retire(k)
			c.freeStream(k)
			return nil, false, false, rerr
		}
	}
	return k, false, false, err
}

// takeStreamLocked counts a stream on a connection that may have room for it.
func (c *Connector) takeStreamLocked(h *host, now time.Time) *conn {
	for _, k := range h.h2 {
		if k.streams < k.maxStreams && !c.tooOld(k, now) {
			k.streams++
			c.stats.Reused++
			return k
		}
	}
	return nil
}

const maxStreamsUnknown = 1 << 20

// full gives a stream back that k does not take, and notes that it takes no more
// than it has now. One that has none and takes none is going away.
func (c *Connector) full(k *conn, counted bool) {
	var then later
	c.mu.Lock()
	if counted {
		c.stats.Reused--
	}
	k.streams--
	k.maxStreams = k.streams
	if k.streams == 0 {
		c.dropH2Locked(k)
		then.closes = append(then.closes, k)
	}
	c.mu.Unlock()
	then.run()
}

// retire keeps new streams off k.
func (c *Connector) retire(k *conn) {
	c.mu.Lock()
	c.dropH2Locked(k)
	k.maxStreams = 0
	c.mu.Unlock()
}

// freeStream gives a stream back; the last one of a retired connection closes it.
func (c *Connector) freeStream(k *conn) {
	var then later
	c.mu.Lock()
	c.freeStreamLocked(k, &then)
	c.mu.Unlock()
	then.run()
}

func (c *Connector) freeStreamLocked(k *conn, then *later) {
	k.streams--
	if k.streams > 0 {
		return
	}
	k.idleSince = time.Now()
	if k.maxStreams == 0 || c.closed || c.tooOld(k, k.idleSince) || c.opts.KeepAlive < 0 {
		c.dropH2Locked(k)
		then.closes = append(then.closes, k)
	} else {
		k.maxStreams = maxStreamsUnknown
	}
}

// releaseStream gives a stream and its place back, with its watch for the next one.
func (c *Connector) releaseStream(h *host, k *conn, w *watch) {
	k.keepWatch(w)
	var then later
	c.mu.Lock()
	c.freeStreamLocked(k, &then)
	c.releaseLocked(h, nil, &then)
	c.mu.Unlock()
	then.run()
}

// Prewarm makes n connections to the origin of rawURL and keeps them for later
// requests; with HTTP/2 one is enough, and is what is made.
// The limits of what is in flight do not count them.
func (s *Session) Prewarm(ctx context.Context, rawURL string, n int) error {
	if s.conn == nil {
		return &Error{Class: ErrInvalidRequest, Err: errors.New("a session over a RoundTripper has no pool")}
	}
	req, err := s.newRequest("GET", rawURL, nil)
	if err != nil {
		return s.fail(nil, err)
	}
	t, err := s.target(req, new(req.opts.Timeouts.over(s.timeouts)))
	if err != nil {
		return s.fail(req, err)
	}
	return s.fail(req, s.conn.prewarm(ctx, &t, n))
}

func (c *Connector) prewarm(ctx context.Context, t *target, n int) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrSessionClosed
	}
	h := c.hostLocked(&t.key)
	h.inFlight++ // holds the host
	c.mu.Unlock()
	defer func() {
		var then later
		c.mu.Lock()
		h.inFlight--
		c.placeLocked(h)
		c.dispatchLocked(&then)
		c.forgetLocked(h)
		c.mu.Unlock()
		then.run()
	}()
	var made []*conn
	defer func() {
		for _, k := range made {
			c.putBack(h, k)
		}
	}()
	for range n {
		k, err := c.dial(ctx, &dialPlan{host: h, proxy: t.proxy, header: t.header, tls: t.tls, timeouts: t.timeouts, trace: t.trace})
		if err != nil {
			return err
		}
		if k.h2 {
			c.mu.Lock()
			h.proto = protoH2
			k.idleSince, k.maxStreams = time.Now(), maxStreamsUnknown
			h.h2 = append(h.h2, k)
			c.armSweeperLocked()
			c.mu.Unlock()
			return nil
		}
		made = append(made, k)
	}
	return nil
}

// drainTime is how long Close waits for the little that is left of a body.
const drainTime = 50 * time.Millisecond

// drain reads a short rest, so that the connection can serve another request, and ends the exchange.
func (x *exchange) drain() {
	if x.ended.Load() {
		return
	}
	if n := x.resp.ContentLength; n >= 0 && n <= drainBytes && !x.k.h2 && x.ctx.Err() == nil {
		x.watch.set(PhaseRead, drainTime, time.Now())
		io.Copy(io.Discard, x.body)
		x.watch.clear()
		x.end(true)
		return
	}
	x.end(false)
}

// abort makes a read that goes on in another goroutine fail.
func (x *exchange) abort() {
	x.kill()
}

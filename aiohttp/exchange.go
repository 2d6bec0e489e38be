package aiohttp

import (
	"context"
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
	pool    *Connector
	host    *host
	k       *conn
	resp    *http.Response
	body    io.ReadCloser // of resp
	data    []byte        // the rest of a body that came with its head, in dataBuf
	limits  *Timeouts
	watch   *watch // the connection's, or the stream's
	dataBuf *[readBytes]byte
	ctx     context.Context
	reused  bool
	times   times
	err     error // that ended the body
	fate    atomic.Int32
	ended   atomic.Bool // the connection was given back or closed
	unsent  bool        // the request failed before the connection was touched

	// HTTP/1 only.
	start   int64       // what the connection had written before
	unwatch func() bool // ends the watching of ctx
	sending *sending    // of a body that did not leave with the head
	last    bool        // the connection serves no further request

	cancel chan struct{} // closed to end the stream; HTTP/2 only
}

// The fates of an exchange: whoever changes it first, the end or the one who gives it up,
// decides what becomes of the connection.
const (
	running int32 = iota
	killed
	over
)

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
		if err = x.roundTrip(t, req); err == nil {
			return x, nil
		}
		if x.resp != nil { // it came, and is not acceptable
			return nil, err
		}
		refused := x.k.h2 && refused(err) && ctx.Err() == nil
		again := refused && refusals < maxRefusals || !resent && x.mayResend(err, req.Method)
		err = x.cause(err)
		if !again || !req.Body.canSend() {
			x.giveUp()
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

// roundTrip sends the request and waits for the head of its answer.
func (x *exchange) roundTrip(t *target, req *Request) (err error) {
	if x.k.h2 {
		x.cancel = make(chan struct{})
		x.watch = x.k.streamWatch(x)
	} else {
		x.watch = &x.k.watch
	}
	if err = park.Cause(x.ctx); err != nil {
		x.unsent = true
		return err
	}
	if park.Current() == nil {
		err = x.send(t, req)
	} else {
		err = x.parkedSend(t, req)
	}
	x.watch.clear()
	if err != nil {
		return err
	}
	x.times.answered = time.Now()
	err = checkHeader(x.resp.Header, x.pool.opts.MaxHeaders)
	if err != nil || x.resp.Body == http.NoBody || x.data != nil {
		x.end(err == nil)
	}
	return err
}

// parkedSend stands alone so that the variables of roundTrip need no heap.
func (x *exchange) parkedSend(t *target, req *Request) (err error) {
	if perr := park.Do(x.ctx, func() { err = x.send(t, req) }); perr != nil {
		x.unsent = true
		return perr
	}
	return err
}

// send runs on the goroutine that may block.
func (x *exchange) send(t *target, req *Request) (err error) {
	if x.k.h2 {
		err = x.sendH2(req)
	} else {
		err = x.sendH1(t, req)
	}
	if err == nil {
		x.body = x.resp.Body
	}
	return err
}

func (x *exchange) sendH1(t *target, req *Request) (err error) {
	if x.k.prober != nil {
		x.k.waits = x.watchCtx // most answers come without a wait
	} else {
		x.watchCtx()
	}
	x.start = x.k.written.Load()
	x.watch.sending(x.limits, x.times.connected)
	var o headOptions
	if t.proxy != nil && t.key.scheme == "http" && !isSOCKS(t.proxy) {
		o.absolute, o.proxyAuth = true, proxyAuth(t.proxy)
	}
	if x.resp, err = x.k.h1.roundTrip(x.ctx, x, req, o); err != nil {
		return err
	}
	x.data, x.dataBuf = x.k.h1.buffered(x.resp)
	return nil
}

// watchCtx has the end of ctx end the exchange. It comes from the goroutine that reads.
func (x *exchange) watchCtx() {
	if x.unwatch == nil && x.ctx.Done() != nil {
		x.unwatch = context.AfterFunc(x.ctx, x.kill)
	}
}

func (x *exchange) sendH2(req *Request) error {
	hr, err := req.httpRequest(x.ctx, x.cancel, false)
	if err != nil {
		x.unsent = true
		return err
	}
	x.watch.set(PhaseFirstByte, x.limits.FirstByte, x.times.connected)
	x.resp, err = x.k.cc.RoundTrip(hr)
	return err
}

// mayResend reports whether a request that failed with err can be sent again
// without the risk of doing something twice: nothing of it was written; or the
// connection was a kept one that the server closed, and the method is idempotent
// (RFC 9112 §9.3.1); or the server said that it did not begin (RFC 9113 §8.7).
func (x *exchange) mayResend(err error, method string) bool {
	if x.unsent || x.ctx.Err() != nil || x.watch.err() != nil {
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
	if x.data != nil {
		n := copy(p, x.data)
		if x.data = x.data[n:]; len(x.data) == 0 {
			x.err = io.EOF
			smallBodies.Put(x.dataBuf)
			x.data, x.dataBuf = nil, nil
		}
		return n, x.err
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
	mine := x.leave()
	if x.k.h2 {
		if !whole {
			x.body.Close()
		}
		x.pool.releaseStream(x.host, x.k, x.watch)
		return
	}
	if whole && mine && x.watch.rest() && !x.k.dead.Load() && x.k.h1.clean(x) {
		if v := x.resp.Header["Keep-Alive"]; v != nil {
			x.k.idleFor = keepAliveFor(v[0])
		}
		x.pool.release(x.host, x.k)
		return
	}
	x.abandon()
	x.pool.release(x.host, nil)
}

// leave keeps a kill that comes late off the connection; false if one came before.
func (x *exchange) leave() bool {
	if !x.k.h2 {
		x.k.waits = nil
	}
	if x.unwatch != nil {
		x.unwatch()
	}
	return x.fate.CompareAndSwap(running, over)
}

// abandon closes the connection of HTTP/1, and so ends a body that is being sent.
func (x *exchange) abandon() {
	x.sending.goAhead(false)
	x.k.close()
}

// kill ends the exchange from another goroutine: the stream, or the connection if
// the exchange has it alone.
func (x *exchange) kill() {
	if !x.fate.CompareAndSwap(running, killed) {
		return
	}
	if x.k.h2 {
		close(x.cancel)
	} else {
		x.k.Close()
	}
}

// giveUp ends an exchange that has no response.
func (x *exchange) giveUp() {
	x.ended.Store(true)
	mine := x.leave()
	switch {
	case x.k.h2:
		if x.unsent {
			x.k.cc.Release()
		}
		x.pool.releaseStream(x.host, x.k, x.watch)
	case x.unsent && mine:
		x.pool.release(x.host, x.k)
	default:
		x.abandon()
		x.pool.release(x.host, nil)
	}
}

// drop lets the connection go and keeps the place.
func (x *exchange) drop() {
	x.leave()
	if !x.k.h2 {
		x.abandon()
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

// drainTime is how long Close waits for the little that is left of a body.
const drainTime = 50 * time.Millisecond

// drain reads a short rest, so that the connection can serve another request, and ends the exchange.
func (x *exchange) drain() {
	if x.ended.Load() {
		return
	}
	if n := x.resp.ContentLength; n >= 0 && n <= drainBytes && !x.k.h2 && x.ctx.Err() == nil {
		x.watch.set(PhaseRead, drainTime, time.Now())
		_, err := io.Copy(io.Discard, x.body)
		x.watch.clear()
		x.end(err == nil)
		return
	}
	x.end(false)
}

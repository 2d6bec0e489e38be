package aiohttp

import (
	"context"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

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
				if !c.reserve(k) {
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
		if c.reserve(k) {
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
			k.maxStreams = maxStreamsUnknown
			k.streams.Store(1)
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

// reserve makes sure that k takes one stream more than others hold. It need not ask
// about as many as k took before: if its server has changed its mind, net/http waits.
func (c *Connector) reserve(k *conn) bool {
	if n := k.streams.Load(); n <= k.proven.Load() {
		return !k.dead.Load()
	} else if k.cc.Reserve() == nil {
		k.proven.Store(n)
		return true
	}
	return false
}

// takeStreamLocked counts a stream on a connection that may have room for it.
func (c *Connector) takeStreamLocked(h *host, now time.Time) *conn {
	for _, k := range h.h2 {
		if k.streams.Load() < k.maxStreams && !c.tooOld(k, now) {
			k.streams.Add(1)
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
	k.maxStreams = k.streams.Add(-1)
	k.proven.Store(k.maxStreams)
	if k.maxStreams == 0 {
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
	if k.streams.Add(-1) > 0 {
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

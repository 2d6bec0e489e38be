package aiohttp

import (
	"context"
	"errors"
	"time"
)

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
	var t target
	if err := s.aim(&t, req); err != nil {
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

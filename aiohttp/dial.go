package aiohttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// A dialPlan is how one connection is made.
type dialPlan struct {
	host     *host
	proxy    *url.URL
	header   http.Header // for CONNECT
	tls      *TLSOptions
	timeouts *Timeouts
	trace    *requestTrace
	conn     *conn // the outcome
}

// readyKey is under which a ctx carries a connection through net/http's dialing.
type readyKey struct{}

func dialReady(ctx context.Context, _, _ string) (net.Conn, error) {
	return ctx.Value(readyKey{}).(net.Conn), nil
}

// dial makes a connection and counts it as one of the pool's.
func (c *Connector) dial(ctx context.Context, plan *dialPlan) (*conn, error) {
	if tr := plan.trace; tr != nil {
		tr.create(true)
		defer tr.create(false)
	}
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(ErrSessionClosed) })()
	var err error
	if perr := park.Do(ctx, func() { err = c.establish(ctx, plan) }); perr != nil {
		return nil, perr
	}
	k := plan.conn
	if err != nil {
		if k != nil {
			k.Close()
		}
		if t, ok := errors.AsType[*TimeoutError](err); ok {
			return nil, t
		}
		if cerr := park.Cause(outer); cerr != nil {
			return nil, cerr
		}
		if c.isClosed() {
			return nil, ErrSessionClosed
		}
		return nil, err
	}
	c.mu.Lock()
	c.stats.Dials++
	closed := c.closed
	if !closed && !k.dead.Load() {
		c.conns[k] = struct{}{}
	}
	c.mu.Unlock()
	if closed {
		k.close()
		return nil, ErrSessionClosed
	}
	return k, nil
}

// establish makes a connection that is ready for a request.
func (c *Connector) establish(ctx context.Context, plan *dialPlan) error {
	key := &plan.host.key
	addr, secure := key.addr, key.scheme == "https"
	if !secure && plan.proxy != nil && !isSOCKS(plan.proxy) {
		addr, secure = proxyAddr(plan.proxy), plan.proxy.Scheme == "https"
	}
	open := c.dialPlain
	if secure {
		open = c.dialTLS
	}
	raw, err := open(ctx, plan, addr)
	if err != nil {
		return err
	}
	k := plan.conn
	if !k.h2 {
		k.h1 = newH1(k, raw)
		return nil
	}
	k.cc, err = c.transport.NewClientConn(context.WithValue(ctx, readyKey{}, raw), key.scheme, addr)
	return err
}

func (c *Connector) dialPlain(ctx context.Context, plan *dialPlan, addr string) (net.Conn, error) {
	ctx, cancel := phaseContext(ctx, PhaseDial, plan.timeouts.Dial)
	defer cancel()
	raw, err := c.reach(ctx, plan, addr)
	if err != nil {
		return nil, phaseError(ctx, err)
	}
	p := c.opts.Protocols
	plan.conn.h2 = p.UnencryptedHTTP2() && !p.HTTP1() && (plan.proxy == nil || isSOCKS(plan.proxy))
	return raw, nil
}

// dialTLS makes a TLS connection: to the server, through a tunnel if there is a
// proxy, or to a proxy that is itself spoken to by TLS.
func (c *Connector) dialTLS(ctx context.Context, plan *dialPlan, addr string) (net.Conn, error) {
	dialCtx, cancel := phaseContext(ctx, PhaseDial, plan.timeouts.Dial)
	defer cancel()
	var raw net.Conn
	var err error
	toProxy := plan.host.key.scheme == "http"
	if plan.proxy != nil && !toProxy && !isSOCKS(plan.proxy) {
		raw, err = c.tunnel(dialCtx, plan)
	} else {
		raw, err = c.reach(dialCtx, plan, addr)
	}
	if err != nil {
		return nil, phaseError(dialCtx, err)
	}
	tlsCtx, cancelTLS := phaseContext(ctx, PhaseTLS, plan.timeouts.TLS)
	defer cancelTLS()
	opts := plan.tls
	if toProxy {
		opts = nil
	}
	start := time.Now()
	tc, err := c.handshake(tlsCtx, raw, addr, opts, !toProxy)
	if err != nil {
		raw.Close()
		return nil, phaseError(tlsCtx, err)
	}
	plan.conn.tlsTook = time.Since(start)
	plan.conn.h2 = tc.ConnectionState().NegotiatedProtocol == "h2"
	return tc, nil
}

func phaseContext(ctx context.Context, p Phase, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit, &TimeoutError{Phase: p, Limit: limit})
}

// phaseError puts the phase that timed out in the place of its consequences.
func phaseError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if t, ok := context.Cause(ctx).(*TimeoutError); ok {
		return t
	}
	return err
}

// reach connects to addr, by SOCKS if the plan says so, and tracks the connection.
func (c *Connector) reach(ctx context.Context, plan *dialPlan, addr string) (net.Conn, error) {
	if plan.proxy != nil && isSOCKS(plan.proxy) {
		return c.socks(ctx, plan, addr)
	}
	return c.track(ctx, plan, addr)
}

// track connects to addr and makes the connection the plan's.
func (c *Connector) track(ctx context.Context, plan *dialPlan, addr string) (net.Conn, error) {
	start := time.Now()
	raw, dns, err := c.connect(ctx, addr, plan.trace)
	if err != nil {
		if plan.proxy != nil {
			err = &caused{ErrProxy, err}
		}
		return nil, err
	}
	plan.conn = newConn(c, plan.host, raw)
	plan.conn.dnsTook, plan.conn.dialTook = dns, time.Since(start)-dns
	return plan.conn, nil
}

// connect makes a socket connected to addr, a name or an address with a port. It
// tells how long the lookup took.
func (c *Connector) connect(ctx context.Context, addr string, tr *requestTrace) (raw net.Conn, dns time.Duration, err error) {
	if c.opts.UnixPath != "" {
		raw, err := new(net.Dialer).DialContext(ctx, "unix", c.opts.UnixPath)
		if err != nil {
			return nil, 0, &caused{ErrUnixSocket, err}
		}
		return raw, 0, nil
	}
	hostname, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, 0, &caused{ErrInvalidURL, err}
	}
	start := time.Now()
	addrs, err := c.resolve(ctx, hostname, tr)
	if err != nil {
		return nil, 0, &caused{ErrDNS, err}
	}
	dns = time.Since(start)
	if raw, err = c.race(ctx, interleave(addrs), port); err != nil {
		return nil, 0, &caused{ErrConnector, err}
	}
	return raw, dns, nil
}

func (c *Connector) resolve(ctx context.Context, hostname string, tr *requestTrace) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(hostname); err == nil {
		return c.ofNetwork([]netip.Addr{ip}, hostname)
	}
	if oddAddress(hostname) {
		return nil, fmt.Errorf("%q is neither a name nor an address in its usual form", hostname)
	}
	addrs, err := c.dns.lookup(ctx, hostname, tr)
	if err != nil {
		return nil, err
	}
	return c.ofNetwork(addrs, hostname)
}

func (c *Connector) ofNetwork(addrs []netip.Addr, hostname string) ([]netip.Addr, error) {
	if c.opts.Network == "tcp" {
		return addrs, nil
	}
	var out []netip.Addr
	for _, a := range addrs {
		if a.Unmap().Is4() == (c.opts.Network == "tcp4") {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no address for %s", hostname, c.opts.Network)
	}
	return out, nil
}

// interleave puts addresses of both families by turns (RFC 8305 §4), the first one's first.
func interleave(addrs []netip.Addr) []netip.Addr {
	var same, other []netip.Addr
	for _, a := range addrs {
		if a.Unmap().Is4() == addrs[0].Unmap().Is4() {
			same = append(same, a)
		} else {
			other = append(other, a)
		}
	}
	out := make([]netip.Addr, 0, len(addrs))
	for i := range same {
		out = append(out, same[i])
		if i < len(other) {
			out = append(out, other[i])
		}
	}
	if len(other) > len(same) {
		out = append(out, other[len(same):]...)
	}
	return out
}

// race connects to the addresses in order, the next one beside those before as
// soon as they failed or FallbackDelay passed; the first connection wins (RFC 8305 §5).
func (c *Connector) race(ctx context.Context, addrs []netip.Addr, port string) (net.Conn, error) {
	if len(addrs) == 1 {
		return c.connectTo(ctx, addrs[0], port)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		conn net.Conn
		err  error
	}
	outcomes := make(chan outcome, len(addrs))
	var errs []error
	delay := time.NewTimer(0)
	defer delay.Stop()
	started := 0
	for len(errs) < len(addrs) {
		var next <-chan time.Time
		if started < len(addrs) {
			next = delay.C
		}
		select {
		case <-next:
			addr := addrs[started]
			started++
			go func() {
				conn, err := c.connectTo(ctx, addr, port)
				outcomes <- outcome{conn, err}
			}()
			delay.Reset(c.opts.FallbackDelay)
		case o := <-outcomes:
			if o.err != nil {
				errs = append(errs, o.err)
				delay.Reset(0)
				continue
			}
			cancel()
			for range started - len(errs) - 1 {
				if late := <-outcomes; late.conn != nil {
					late.conn.Close()
				}
			}
			return o.conn, nil
		}
	}
	return nil, errors.Join(errs...)
}

func (c *Connector) connectTo(ctx context.Context, ip netip.Addr, port string) (net.Conn, error) {
	addr := net.JoinHostPort(ip.String(), port)
	if c.opts.AllowAddr != nil {
		if err := c.opts.AllowAddr(addr); err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", addr, err)
		}
	}
	if c.opts.Dial != nil {
		return c.opts.Dial(ctx, c.opts.Network, addr)
	}
	d := net.Dialer{LocalAddr: c.opts.LocalAddr, FallbackDelay: -1}
	conn, err := d.DialContext(ctx, c.opts.Network, addr)
	var timeout net.Error
	if end, ok := ctx.Deadline(); ok && errors.As(err, &timeout) && timeout.Timeout() && !time.Now().Before(end) {
		<-ctx.Done() // the socket's timer was a moment ahead of the context's
	}
	return conn, err
}

// DenyPrivate is a guard for [ConnectorOptions.AllowAddr]: it refuses addresses
// that are not on the public internet (loopback, private, link-local, ...), also
// when a public name resolves to them.
func DenyPrivate(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := ap.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || cgnat.Contains(ip) {
		return fmt.Errorf("address is not public: %w", syscall.EACCES)
	}
	return nil
}

var cgnat = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

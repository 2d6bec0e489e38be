package aiohttp

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/proxy"
)

var errNoAddress = errors.New("host has no address")

func isSOCKS(u *url.URL) bool { return u.Scheme == "socks5" || u.Scheme == "socks5h" }

// parseProxy reads the URL of a proxy: http, https, socks5 (names are looked up
// here) or socks5h (by the proxy). "host:port" is http.
func parseProxy(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, &caused{ErrInvalidURL, errors.New("bad proxy URL: " + errURL(err).Error())}
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, &caused{ErrInvalidURL, errors.New("proxy scheme is none of http, https, socks5, socks5h")}
	}
	if u.Hostname() == "" {
		return nil, &caused{ErrInvalidURL, errors.New("proxy has no host")}
	}
	return u, nil
}

// environmentProxies reads HTTP_PROXY, HTTPS_PROXY, NO_PROXY (and lower case) now.
func environmentProxies() func(*url.URL) (*url.URL, error) {
	return httpproxy.FromEnvironment().ProxyFunc()
}

func proxyAddr(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		if port == "" {
			port = "1080"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// tunnel asks an HTTP proxy for a connection to the plan's server (RFC 9110 §9.3.6).
func (c *Connector) tunnel(ctx context.Context, plan *dialPlan) (net.Conn, error) {
	addr := proxyAddr(plan.proxy)
	conn, err := c.track(ctx, plan, addr)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (net.Conn, error) {
		conn.Close()
		return nil, &caused{ErrProxy, err}
	}
	if plan.proxy.Scheme == "https" {
		tc, err := c.handshake(ctx, conn, addr, nil, false)
		if err != nil {
			return fail(err)
		}
		conn = tc
	}
	header := plan.header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	if auth := proxyAuth(plan.proxy); auth != "" {
		header.Set("Proxy-Authorization", auth)
	}
	target := plan.host.key.addr
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: header}
	stop := context.AfterFunc(ctx, func() { plan.conn.Close() })
	defer stop()
	if err := req.Write(conn); err != nil {
		return fail(phaseError(ctx, err))
	}
	// What is read ahead is lost, but a TLS server does not speak first.
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, c.opts.MaxHeaderBytes)), req)
	if err != nil {
		return fail(phaseError(ctx, err))
	}
	if resp.StatusCode/100 != 2 {
		_, reason, _ := strings.Cut(resp.Status, " ")
		return fail(&ProxyStatusError{Status: resp.StatusCode, Reason: reason, Header: resp.Header})
	}
	return conn, nil
}

func proxyAuth(u *url.URL) string {
	if u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
}

// socks reaches addr through a SOCKS5 proxy (RFC 1928, 1929).
func (c *Connector) socks(ctx context.Context, plan *dialPlan, addr string) (net.Conn, error) {
	if plan.proxy.Scheme == "socks5" {
		hostname, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		addrs, err := c.resolve(ctx, hostname, plan.trace)
		if err != nil {
			return nil, &caused{ErrDNS, err}
		}
		addr = net.JoinHostPort(addrs[0].String(), port)
	}
	var auth *proxy.Auth
	if u := plan.proxy.User; u != nil {
		password, _ := u.Password()
		auth = &proxy.Auth{User: u.Username(), Password: password}
	}
	d, err := proxy.SOCKS5("tcp", proxyAddr(plan.proxy), auth, forward{c, plan})
	if err != nil {
		return nil, &caused{ErrProxy, err}
	}
	conn, err := d.(proxy.ContextDialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, &caused{ErrProxy, err}
	}
	return conn, nil
}

// forward connects to the SOCKS proxy itself.
type forward struct {
	c    *Connector
	plan *dialPlan
}

func (f forward) Dial(string, string) (net.Conn, error) { return nil, errors.ErrUnsupported }

func (f forward) DialContext(ctx context.Context, _, addr string) (net.Conn, error) {
	return f.c.track(ctx, f.plan, addr)
}

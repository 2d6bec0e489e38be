package aiohttp

import (
	"context"
	"io"
	"maps"
	"net/http"
	"sync"
)

// Client returns a net/http client on the session's connections: for code that
// takes one. Its requests count among those in flight and have the session's
// timeouts, proxies, TLS and traces of connections, but not its cookies, headers,
// middleware and redirects: those are the client's. It ends with the session.
func (s *Session) Client() *http.Client { return &http.Client{Transport: s.RoundTripper()} }

// RoundTripper is what [Session.Client] sends by.
func (s *Session) RoundTripper() http.RoundTripper {
	if s.opts.Transport != nil {
		return s.opts.Transport
	}
	return roundTripper{s}
}

type roundTripper struct{ s *Session }

// RoundTrip implements [http.RoundTripper].
func (t roundTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	ctx := hr.Context()
	req := &Request{Method: hr.Method, URL: hr.URL, Header: hr.Header, Host: hr.Host, opts: &noOptions}
	if req.Method == "" {
		req.Method = http.MethodGet
	}
	if _, ok := req.Header["User-Agent"]; !ok { // as net/http adds its own
		req.Header = maps.Clone(req.Header)
		if req.Header == nil {
			req.Header = make(http.Header)
		}
		req.Header["User-Agent"] = []string{defaultUserAgent}
	}
	if hr.Body != nil && hr.Body != http.NoBody {
		req.Body = bodyOfRequest(hr)
	}
	err := checkURL(req.URL)
	var x *exchange
	if err == nil {
		x, err = t.s.exchange(ctx, req)
	}
	if err != nil {
		if hr.Body != nil {
			hr.Body.Close() // it may never have got to net/http, who closes it otherwise
		}
		return nil, t.s.fail(req, err)
	}
	resp := x.resp
	resp.Request = hr
	switch body := resp.Body.(type) {
	case io.Writer: // 101: the connection is the caller's, both ways
		resp.Body = &exchangeConn{exchangeBody: exchangeBody{x: x}, Writer: body}
	default:
		if body != http.NoBody {
			resp.Body = &exchangeBody{x: x}
		}
	}
	return resp, nil
}

// bodyOfRequest is replayable if the request can get its body again.
func bodyOfRequest(hr *http.Request) *Body {
	length := hr.ContentLength
	if length == 0 {
		length = -1
	}
	if hr.GetBody != nil {
		hr.Body.Close()
		return &Body{length: length, open: hr.GetBody, replayable: true}
	}
	return &Body{length: length, open: func() (io.ReadCloser, error) { return hr.Body, nil }}
}

// exchange sends a request on the session's connections.
func (s *Session) exchange(ctx context.Context, req *Request) (*exchange, error) {
	if s.Closed() {
		return nil, ErrSessionClosed
	}
	t := new(target) // its size is better on the heap: a stack that grows is copied
	if err := s.aim(t, req); err != nil {
		return nil, err
	}
	if req.trace != nil {
		ctx = req.trace.attach(ctx)
	}
	return s.conn.roundTrip(ctx, t, req)
}

// An exchangeBody is the body of a net/http response on a connection of ours. As
// net/http's, it may be closed while it is read.
type exchangeBody struct {
	mu sync.Mutex // held by a read
	x  *exchange
}

func (b *exchangeBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.x.Read(p)
}

func (b *exchangeBody) Close() error {
	if !b.mu.TryLock() {
		b.x.kill() // ends the read that holds the lock
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	b.x.drain()
	return nil
}

// An exchangeConn is an exchangeBody that can be written to.
type exchangeConn struct {
	exchangeBody
	io.Writer
}

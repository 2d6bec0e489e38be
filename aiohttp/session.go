package aiohttp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/park"
)

const defaultUserAgent = "quartet-aiohttp/1"

// SessionOptions configures a [Session]. A nil pointer or a zero field means the default.
type SessionOptions struct {
	// BaseURL is what relative URLs of requests are resolved against, by RFC 3986:
	// "x" is beside its last segment, "/x" drops its path.
	BaseURL string
	// PrefixBase appends a request's path to BaseURL's instead: "/x" stays below it.
	PrefixBase bool
	// Header is sent with every request.
	Header http.Header
	// SkipAutoHeaders are names of headers that are not added: User-Agent, Accept,
	// Accept-Encoding, Content-Type.
	SkipAutoHeaders []string
	// Auth is sent to the origin of BaseURL; without one, to the origin each request begins at.
	Auth *BasicCredentials
	// Jar keeps cookies. Default: a new one, with public suffixes. See [NoCookies].
	Jar *CookieJar
	// Timeouts are the defaults of the requests.
	Timeouts Timeouts
	// RaiseForStatus makes a status of 400 or above a [StatusError].
	RaiseForStatus bool
	// MaxRedirects is how many are followed. Default: 10. Negative: none; the first is an error.
	MaxRedirects int
	// NoDecompress leaves bodies as they are transferred.
	NoDecompress bool
	// MaxDecodedBytes bounds what a compressed body may become. Default: 1 GiB. Negative: no limit.
	MaxDecodedBytes int64
	// MaxRatio bounds how many times larger a body may become, once 16 MiB came out. Default: 200. Negative: no limit.
	MaxRatio int64
	// MaxBodyBytes bounds what Bytes, Text and JSON take into memory. Default: 256 MiB. Negative: no limit.
	MaxBodyBytes int64
	// MaxLineBytes bounds a line of [Response.Lines]. Default: 1 MiB.
	MaxLineBytes int
	// Proxy is the URL of a proxy: http, https, socks5 or socks5h.
	Proxy string
	// ProxyHeader is sent to the proxy with CONNECT.
	ProxyHeader http.Header
	// TrustEnv uses HTTP_PROXY, HTTPS_PROXY, NO_PROXY, and the file $NETRC or ~/.netrc, read now.
	TrustEnv bool
	// TLS says whom to trust, and how to connect. Default: the system's roots.
	TLS *TLSOptions
	// Middleware stands between the session and the wire, the first outermost.
	Middleware []Middleware
	// Traces are told of each event.
	Traces []Trace
	// Connector is a pool to share; the session does not close it. Default: one of its own.
	Connector *Connector
	// Transport sends the requests in place of a connector. Timeouts but Total, TLS and Proxy are its own matter then.
	Transport http.RoundTripper
	// Logger is told of responses that were dropped without Close. Default: [slog.Default].
	Logger *slog.Logger
}

// A Session makes requests. It keeps what they share: connections, cookies,
// headers, limits. It is safe for use by many goroutines and tasks.
//
// Python: aiohttp.ClientSession.
type Session struct {
	opts     SessionOptions
	base     *url.URL
	header   http.Header // shared by requests without headers of their own
	wire     []byte      // header as HTTP/1 has it; nil if it depends on the request
	timeouts Timeouts
	conn     *Connector // nil with a Transport
	owned    bool
	proxy    *url.URL
	envProxy func(*url.URL) (*url.URL, error)
	netrc    *netrc
	handler  Handler
	closed   atomic.Bool
}

// NewSession returns a Session. Close it after use.
//
// The error is an [Error] if BaseURL, Proxy or a header is bad.
func NewSession(opts *SessionOptions) (*Session, error) {
	s := &Session{}
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	setDefault(&o.MaxRedirects, defaultMaxRedirects)
	setDefault(&o.MaxDecodedBytes, 1<<30)
	setDefault(&o.MaxRatio, 200)
	setDefault(&o.MaxBodyBytes, 256<<20)
	setDefault(&o.MaxLineBytes, 1<<20)
	setDefault(&o.Logger, slog.Default())
	o.Middleware = slices.Clone(o.Middleware)
	o.Traces = slices.Clone(o.Traces)
	s.timeouts = o.Timeouts.over(defaultTimeouts)
	if o.Jar == nil {
		o.Jar = NewCookieJar(nil)
	}
	if err := s.setHeader(); err != nil {
		return nil, &Error{Class: classify(err), Err: err}
	}
	if err := s.setRoutes(); err != nil {
		return nil, &Error{Class: classify(err), Err: err}
	}
	switch {
	case o.Transport != nil:
	case o.Connector != nil:
		s.conn = o.Connector
	default:
		s.conn, s.owned = NewConnector(nil), true
	}
	s.handler = chain(o.Middleware, s.send)
	return s, nil
}

func (s *Session) setHeader() error {
	s.header = http.Header{"User-Agent": {defaultUserAgent}, "Accept": {"*/*"}}
	if !s.opts.NoDecompress {
		s.header["Accept-Encoding"] = []string{acceptEncoding}
	}
	r := Request{Header: s.header}
	err := r.mergeHeader(&RequestOptions{Header: s.opts.Header, SkipAutoHeaders: s.opts.SkipAutoHeaders})
	s.header = r.Header
	if err == nil && s.header["Connection"] == nil && s.header["Proxy-Authorization"] == nil && s.header["Expect"] == nil {
		s.wire, err = appendHeader([]byte{}, s.header, &headOptions{})
	}
	return err
}

func (s *Session) setRoutes() (err error) {
	if s.opts.BaseURL != "" {
		if s.base, err = parseURL(s.opts.BaseURL); err == nil {
			err = checkURL(s.base)
		}
		if err != nil {
			return err
		}
	}
	if s.proxy, err = parseProxy(s.opts.Proxy); err != nil {
		return err
	}
	if s.opts.TrustEnv {
		s.envProxy = environmentProxies()
		s.netrc = loadNetrc()
	}
	return nil
}

// Close closes the session and, unless it was given one, its connector with all
// connections, also of responses that are not closed yet. It may be called more than once.
func (s *Session) Close() error {
	s.closed.Store(true)
	if s.owned {
		return s.conn.Close()
	}
	return nil
}

// Closed reports whether Close was called.
func (s *Session) Closed() bool { return s.closed.Load() }

// Connector returns the session's pool; nil if it sits on a Transport.
func (s *Session) Connector() *Connector { return s.conn }

// Jar returns the session's cookies.
func (s *Session) Jar() *CookieJar { return s.opts.Jar }

// Get sends a GET. See [Session.Do].
func (s *Session) Get(ctx context.Context, url string, opts *RequestOptions) (*Response, error) {
	return s.Do(ctx, "GET", url, opts)
}

// Head sends a HEAD; redirects are followed. See [Session.Do].
func (s *Session) Head(ctx context.Context, url string, opts *RequestOptions) (*Response, error) {
	return s.Do(ctx, "HEAD", url, opts)
}

// Options sends an OPTIONS. See [Session.Do].
func (s *Session) Options(ctx context.Context, url string, opts *RequestOptions) (*Response, error) {
	return s.Do(ctx, "OPTIONS", url, opts)
}

// Post sends a POST. See [Session.Do].
func (s *Session) Post(ctx context.Context, url string, opts *RequestOptions) (*Response, error) {
	return s.Do(ctx, "POST", url, opts)
}

// Put sends a PUT. See [Session.Do].
func (s *Session) Put(ctx context.Context, url string, opts *RequestOptions) (*Response, error) {
	return s.Do(ctx, "PUT", url, opts)
}

// Patch sends a PATCH. See [Session.Do].
func (s *Session) Patch(ctx context.Context, url string, opts *RequestOptions) (*Response, error) {
	return s.Do(ctx, "PATCH", url, opts)
}

// Delete sends a DELETE. See [Session.Do].
func (s *Session) Delete(ctx context.Context, url string, opts *RequestOptions) (*Response, error) {
	return s.Do(ctx, "DELETE", url, opts)
}

// Do sends a request and returns when the header of the last answer is there.
// The caller must close the response. Redirects are followed; any status is a response, not an error,
// unless RaiseForStatus says so.
//
// The URL is sent as it is written; only spaces, control characters and what is
// not ASCII are percent-encoded. ctx ends the request and the reading of its body.
// Called by a task, Do suspends the task.
//
// The error is an [*Error]; with errors.Is it matches its class ([ErrConnector],
// [ErrTimeout], [ErrTooManyRedirects], ...) and its cause, the cause of ctx among them.
//
// Python: aiohttp.ClientSession.request.
func (s *Session) Do(ctx context.Context, method, url string, opts *RequestOptions) (*Response, error) {
	if s.Closed() {
		opts.discardBody()
		return nil, &Error{Method: method, Class: ErrSessionClosed}
	}
	req, err := s.newRequest(strings.ToUpper(method), url, opts)
	if err != nil {
		opts.discardBody()
		return nil, s.fail(&Request{Method: method}, err)
	}
	req.trace = s.newTrace(ctx, req)
	req.trace.tell(TraceRequestStart, nil, nil)
	var cancel context.CancelFunc
	total := s.timeouts.Total
	if t := req.opts.Timeouts.Total; t != 0 {
		total = t
	}
	if total > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, total, &TimeoutError{Phase: PhaseTotal, Limit: total})
	}
	resp, err := s.follow(ctx, req)
	if err == nil && resp.mustRaise(s) {
		err = resp.RaiseForStatus(ctx)
	}
	if err != nil {
		if cancel != nil {
			cancel()
		}
		opts.discardBody()
		err = s.fail(req, err)
		req.trace.tell(TraceRequestException, nil, err)
		return nil, err
	}
	if cancel != nil {
		resp.whenEnded(cancel)
	}
	req.trace.tell(TraceRequestEnd, resp, nil)
	return resp, nil
}

// follow sends a request and those that redirects make of it.
func (s *Session) follow(ctx context.Context, req *Request) (*Response, error) {
	handler := s.handler
	if req.opts.Middleware != nil {
		handler = chain(req.opts.Middleware, s.send)
	}
	limit := s.opts.MaxRedirects
	if req.opts.MaxRedirects != 0 {
		limit = req.opts.MaxRedirects
	}
	limit = max(limit, 0)
	var history []*Response
	for {
		if req.trace != nil {
			req.trace.req = req
		}
		s.addCookies(req)
		resp, err := handler(ctx, req)
		if err != nil {
			return nil, err
		}
		resp.History = history
		if req.opts.NoRedirect || !isRedirect(resp) {
			return resp, nil
		}
		req.trace.tell(TraceRequestRedirect, resp, nil)
		next, err := req.redirected(resp)
		resp.Close()
		if err == nil && len(history) >= limit {
			err = errRedirects(limit)
		}
		if err == nil {
			err = s.authorize(next)
		}
		if err != nil {
			return nil, err
		}
		resp.History = nil
		history = append(history, resp)
		req = next
	}
}

// authorize puts the credentials into a request that belong to its URL, and
// takes them out of the URL.
func (s *Session) authorize(r *Request) error {
	var cred *BasicCredentials
	home := r.hops == 0 || r.origin == originOf(r.URL)
	switch {
	case r.URL.User != nil:
		password, _ := r.URL.User.Password()
		cred = &BasicCredentials{r.URL.User.Username(), password}
		u := *r.URL
		u.User = nil
		r.URL = &u
	case r.hops > 0 && home: // the header came along
	case r.opts.Auth != nil && home:
		cred = r.opts.Auth
	case s.opts.Auth != nil && home && (s.base == nil || originOf(s.base) == r.origin):
		cred = s.opts.Auth
	}
	if cred != nil && r.Header["Authorization"] != nil && r.hops == 0 {
		return &caused{ErrInvalidRequest, errors.New("both an Authorization header and other credentials")}
	}
	if cred == nil && s.netrc != nil && r.Header["Authorization"] == nil {
		cred = s.netrc.find(r.URL.Hostname())
	}
	if cred != nil {
		r.own()["Authorization"] = []string{cred.Header()}
	}
	return nil
}

// send is the end of the chain: it sends one request to the wire.
func (s *Session) send(ctx context.Context, req *Request) (*Response, error) {
	resp, err := s.sendOnce(ctx, req)
	if err != nil {
		return nil, s.fail(req, err)
	}
	return resp, nil
}

func (s *Session) sendOnce(ctx context.Context, req *Request) (*Response, error) {
	if s.conn == nil {
		return s.sendByTransport(ctx, req)
	}
	if req.URL != req.checked {
		if err := checkURL(req.URL); err != nil {
			return nil, err
		}
	}
	x, err := s.exchange(ctx, req)
	if err != nil {
		return nil, err
	}
	return s.newResponse(ctx, req, x.resp, x)
}

// sendByTransport sends a request by the caller's RoundTripper.
func (s *Session) sendByTransport(ctx context.Context, req *Request) (*Response, error) {
	if err := checkURL(req.URL); err != nil {
		return nil, err
	}
	hr, err := req.httpRequest(ctx, nil, true)
	if err != nil {
		return nil, err
	}
	var hresp *http.Response
	if perr := park.Do(ctx, func() { hresp, err = s.opts.Transport.RoundTrip(hr) }); perr != nil {
		return nil, perr
	}
	if err != nil {
		if cerr := park.Cause(ctx); cerr != nil {
			err = cerr
		}
		return nil, err
	}
	if err := checkHeader(hresp.Header, defaultMaxHeaders); err != nil {
		hresp.Body.Close()
		return nil, err
	}
	return s.newResponse(ctx, req, hresp, nil)
}

// hostHeader is the Host header of a URL: without the scheme's own port.
func hostHeader(u *url.URL) string {
	if p := u.Port(); p == "80" && u.Scheme == "http" || p == "443" && u.Scheme == "https" {
		return strings.TrimSuffix(u.Host, ":"+p)
	}
	return u.Host
}

// aim finds out where a request goes, and within which limits.
func (s *Session) aim(t *target, req *Request) (err error) {
	t.timeouts, t.trace, t.tls, t.header = s.limits(req), req.trace, s.opts.TLS, s.opts.ProxyHeader
	if req.opts.TLS != nil {
		t.tls = req.opts.TLS
	}
	if req.opts.ProxyHeader != nil {
		t.header = req.opts.ProxyHeader
	}
	if t.proxy, err = s.proxyFor(req); err != nil {
		return err
	}
	t.key.scheme, t.key.addr = req.URL.Scheme, strings.ToLower(req.URL.Host)
	if t.tls != nil {
		t.key.tls = t.tls.key()
	}
	if portOf(t.key.addr) == "" {
		t.key.addr = net.JoinHostPort(strings.ToLower(req.URL.Hostname()), portOr(req.URL))
	}
	if t.proxy != nil {
		t.key.proxy = t.proxy.String() + headerKey(t.header)
	}
	return nil
}

// limits are the session's, changed by the request's.
func (s *Session) limits(req *Request) *Timeouts {
	if req.opts.Timeouts == (Timeouts{}) {
		return &s.timeouts
	}
	return new(req.opts.Timeouts.over(s.timeouts))
}

func headerKey(h http.Header) string {
	if len(h) == 0 {
		return ""
	}
	var b strings.Builder
	h.Write(&b)
	return "\n" + b.String()
}

// proxyFor chooses the proxy of one hop.
func (s *Session) proxyFor(req *Request) (*url.URL, error) {
	switch {
	case req.opts.Proxy == "direct":
		return nil, nil
	case req.opts.Proxy != "":
		return parseProxy(req.opts.Proxy)
	case s.proxy != nil:
		return s.proxy, nil
	case s.envProxy != nil:
		u, err := s.envProxy(req.URL)
		if err != nil {
			return nil, &caused{ErrInvalidURL, errors.New("proxy of the environment: " + errURL(err).Error())}
		}
		return u, nil
	}
	return nil, nil
}

// fail puts an error into its class and its place.
func (s *Session) fail(req *Request, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*Error); ok {
		return err
	}
	e := &Error{Err: err}
	if req != nil {
		e.Method, e.URL = req.Method, redactURL(req.URL)
	}
	switch c := err.(type) {
	case *class:
		e.Class, e.Err = c, nil
	case *caused:
		e.Class, e.Err = c.class, c.err
	default:
		if !errors.Is(err, context.Canceled) && !isCallersDeadline(err) {
			e.Class = classify(err)
		}
	}
	return e
}

// isCallersDeadline tells the deadline of the caller's ctx from a limit of ours.
func isCallersDeadline(err error) bool {
	_, ours := errors.AsType[*TimeoutError](err)
	return !ours && errors.Is(err, context.DeadlineExceeded)
}

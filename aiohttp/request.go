package aiohttp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// RequestOptions are what one request has of its own. A nil pointer or a zero
// field means the session's.
type RequestOptions struct {
	// Header is added to the session's; a name in it replaces the session's values.
	Header http.Header
	// Params are appended to the URL's query, in order.
	Params []Param
	// RawQuery is appended to the URL's query as it is.
	RawQuery string
	// Body is what is sent.
	Body *Body
	// JSON, if not nil, is sent in JSON. It excludes Body.
	JSON any
	// Compress encodes the body: "gzip", "deflate", "br" or "zstd".
	Compress string
	// Expect100 waits for the server's word before the body is sent.
	Expect100 bool
	// Cookies are sent by this request, to its origin only.
	Cookies map[string]string
	// Auth is sent to the request's origin only.
	Auth *BasicCredentials
	// SkipAutoHeaders are names of headers the session would add by itself.
	SkipAutoHeaders []string
	// Timeouts limit the phases; a zero one is the session's, a negative one no limit.
	Timeouts Timeouts
	// NoRedirect returns a redirect instead of following it.
	NoRedirect bool
	// MaxRedirects is how many are followed. Negative: none; the first is an error.
	MaxRedirects int
	// RaiseForStatus makes a status of 400 or above a [StatusError].
	RaiseForStatus *bool
	// NoDecompress leaves the body as it is transferred.
	NoDecompress *bool
	// MaxDecodedBytes bounds what a compressed body may become, negative: no limit.
	MaxDecodedBytes int64
	// MaxBodyBytes bounds what Bytes, Text and JSON take into memory, negative: no limit.
	MaxBodyBytes int64
	// Proxy is the URL of a proxy: http, https, socks5 or socks5h. "direct" is none.
	Proxy string
	// ProxyHeader is sent to the proxy with CONNECT.
	ProxyHeader http.Header
	// TLS is used for connections of its own, not shared with those of other options.
	TLS *TLSOptions
	// Middleware replaces the session's, if not nil.
	Middleware []Middleware
	// TraceValue is handed to the traces.
	TraceValue any
}

// A Param is one name and value of a query. Names may repeat.
type Param struct{ Name, Value string }

// Params makes query parameters of names and values in turn.
func Params(namesAndValues ...string) []Param {
	if len(namesAndValues)%2 != 0 {
		panic("aiohttp: Params wants a value for each name")
	}
	var ps []Param
	for i := 0; i < len(namesAndValues); i += 2 {
		ps = append(ps, Param{namesAndValues[i], namesAndValues[i+1]})
	}
	return ps
}

// A BasicCredentials is a user and a password, sent in UTF-8 (RFC 7617).
//
// Python: aiohttp.BasicAuth.
type BasicCredentials struct{ User, Password string }

// Header returns the value of an Authorization header.
func (b *BasicCredentials) Header() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(b.User+":"+b.Password))
}

// A Request is one request on its way through the middleware: one hop, one try.
// Middleware may change what is exported.
type Request struct {
	Method string
	// URL is sent as it is; a fragment is not sent. Replace it, do not change it.
	URL *url.URL
	// Header is to be read; [Request.SetHeader] and DelHeader change it.
	Header http.Header
	Body   *Body
	// Host is the Host header, if it is not the URL's.
	Host string

	opts    *RequestOptions // never nil, not changed
	shared  bool            // Header belongs to the session
	wire    []byte          // of a shared Header, or nil
	checked *url.URL        // URL, unless middleware replaced it
	origin  origin          // that credentials were given for
	cookies []string        // Cookie headers of the options, for origin
	trace   *requestTrace
	hops    int
}

var noOptions RequestOptions

func (o *RequestOptions) discardBody() {
	if o != nil {
		o.Body.discard()
	}
}

// newRequest makes the first hop's request.
func (s *Session) newRequest(method, rawURL string, opts *RequestOptions) (*Request, error) {
	if opts == nil {
		opts = &noOptions
	}
	u, err := joinURL(s.base, rawURL, s.opts.PrefixBase)
	if err != nil {
		return nil, err
	}
	if err := checkURL(u); err != nil {
		return nil, err
	}
	if !httpguts.ValidHeaderFieldName(method) { // a method is a token too
		return nil, &caused{ErrInvalidRequest, fmt.Errorf("method %q", method)}
	}
	addQuery(u, opts)
	req := &Request{Method: method, URL: u, Header: s.header, shared: true, wire: s.wire, opts: opts, checked: u, origin: originOf(u)}
	if len(opts.Header) > 0 || len(opts.SkipAutoHeaders) > 0 {
		if err := req.mergeHeader(opts); err != nil {
			return nil, err
		}
	}
	req.cookies = req.Header["Cookie"]
	if err := req.setBody(opts); err != nil {
		return nil, err
	}
	return req, s.authorize(req)
}

func addQuery(u *url.URL, opts *RequestOptions) {
	add := func(q string) {
		if q == "" {
			return
		}
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += q
	}
	for _, p := range opts.Params {
		add(url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value))
	}
	add(quoteForbidden(strings.TrimPrefix(opts.RawQuery, "?")))
}

// own makes the header the request's, so that it may be changed.
func (r *Request) own() http.Header {
	if r.shared {
		r.Header, r.shared = r.Header.Clone(), false
	}
	return r.Header
}

func (r *Request) mergeHeader(opts *RequestOptions) error {
	h := r.own()
	for _, name := range opts.SkipAutoHeaders {
		h.Del(name)
	}
	for name, values := range opts.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return &caused{ErrInvalidRequest, fmt.Errorf("header name %q", name)}
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return &caused{ErrInvalidRequest, fmt.Errorf("forbidden byte in header %s", name)}
			}
		}
		if strings.EqualFold(name, "Host") {
			if len(values) > 0 {
				r.Host = values[len(values)-1]
			}
			continue
		}
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	return nil
}

func (r *Request) setBody(opts *RequestOptions) error {
	r.Body = opts.Body
	if opts.JSON != nil {
		if r.Body != nil {
			return &caused{ErrInvalidRequest, errors.New("both Body and JSON")}
		}
		r.Body = JSON(opts.JSON)
	}
	if r.Body != nil && r.Header.Get("Content-Type") == "" && !containsFold(opts.SkipAutoHeaders, "Content-Type") {
		r.own().Set("Content-Type", r.Body.contentType)
	}
	if opts.Compress != "" && r.Body != nil {
		if r.Header.Get("Content-Encoding") != "" {
			return &caused{ErrInvalidRequest, errors.New("both Compress and a Content-Encoding header")}
		}
		body, err := r.Body.compressed(opts.Compress)
		if err != nil {
			return err
		}
		r.Body = body
		r.own().Set("Content-Encoding", strings.ToLower(opts.Compress))
	}
	if opts.Expect100 && r.Body != nil {
		r.own().Set("Expect", "100-continue")
	}
	return nil
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// httpRequest makes net/http's request for one sending. Closing cancel, if it is
// not nil, ends it.
func (r *Request) httpRequest(ctx context.Context, cancel <-chan struct{}, absolute bool) (*http.Request, error) {
	hr := http.Request{
		Method: r.Method, URL: r.URL, Header: r.Header, Host: hostHeader(r.URL),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		//lint:ignore SA1019 a context for each request costs HTTP/2 three allocations and its parent's lock
		Cancel: cancel,
	}
	if r.URL.Opaque != "" && !absolute {
		if path := exactPath(r.URL); !strings.HasPrefix(path, "//") {
			u := *r.URL
			u.Opaque = path // the request line has this alone
			hr.URL = &u
		}
	}
	if r.Host != "" {
		hr.Host = r.Host
	}
	if _, ok := hr.Header["User-Agent"]; !ok {
		hr.Header = hr.Header.Clone()
		hr.Header["User-Agent"] = nil // net/http has one of its own else
	}
	if r.Body != nil {
		body, err := r.Body.reader()
		if err != nil {
			return nil, err
		}
		hr.Body, hr.ContentLength = r.trace.body(body), r.Body.Len()
		if hr.ContentLength > 0 {
			hr.Body = &exactBody{ReadCloser: hr.Body, left: hr.ContentLength}
		}
	}
	return hr.WithContext(ctx), nil // the one copy on the heap
}

// An exactBody gives a typed error where a body is not as long as was announced.
type exactBody struct {
	io.ReadCloser
	left int64
}

func (b *exactBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left == 0 && err == nil {
		// Looked for before the last bytes leave: afterwards the server may answer first.
		var more [1]byte
		var extra int
		extra, err = io.ReadFull(b.ReadCloser, more[:])
		b.left -= int64(extra)
	}
	switch {
	case b.left < 0:
		return 0, &caused{ErrInvalidRequest, errors.New("the body is longer than was announced")}
	case err == io.EOF && b.left > 0:
		err = &caused{ErrInvalidRequest, fmt.Errorf("the body is %d bytes shorter than was announced", b.left)}
	}
	return n, err
}

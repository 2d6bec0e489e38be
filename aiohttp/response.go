package aiohttp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	errorBodyBytes  = 4 << 10  // of a StatusError
	drainBytes      = 64 << 10 // that Close reads to keep the connection
	defaultChunk    = 64 << 10
	maxHeaderValues = 1024
)

var (
	_ io.ReadCloser = (*Response)(nil)
	_ io.WriterTo   = (*Response)(nil)
)

// A Response is an answer whose header has come. Close it after use, best by
// defer: that frees its connection on every way out. A body that was read to its
// end has freed it already.
//
// One goroutine or task uses a Response at a time; Close may come from any.
//
// Python: aiohttp.ClientResponse.
type Response struct {
	// Status is the code: 200. Reason is its text as the server sent it.
	Status int
	Reason string
	// Proto is the protocol: "HTTP/1.1", "HTTP/2.0".
	Proto  string
	Header http.Header
	// ContentLength of the transferred body; -1 if not known.
	ContentLength int64
	// Request is the request of the last hop. It must not be changed.
	Request *Request
	// URL is that request's, with a fragment if there was one.
	URL *url.URL
	// History has the answers that redirected, oldest first. They are closed.
	History []*Response
	// TLS describes the connection; nil without TLS.
	TLS *tls.ConnectionState

	session *Session
	ctx     context.Context
	hresp   *http.Response
	life    life
	cached  []byte
	whole   bool // cached is all of the body
}

// A life is what a Response holds until its body ended.
type life struct {
	body    io.Reader // decoded
	raw     io.Reader
	x       *exchange // nil over a Transport
	dec     *decoder
	ended   func()
	guarded bool // a finalizer waits
	closed  atomic.Bool
	shut    atomic.Bool // Close was called

	mu      sync.Mutex // held by a read; guards following
	endedAt time.Time
	rawSeen int64
	err     error // that ended the body
}

func (s *Session) newResponse(ctx context.Context, req *Request, hr *http.Response, x *exchange) (*Response, error) {
	r := &Response{
		Status: hr.StatusCode, Proto: hr.Proto, Header: hr.Header, ContentLength: hr.ContentLength,
		Request: req, URL: req.URL, TLS: hr.TLS, session: s, ctx: ctx, hresp: hr,
	}
	_, r.Reason, _ = strings.Cut(hr.Status, " ")
	r.life.x, r.life.raw = x, hr.Body
	if x != nil {
		r.life.raw = x
	}
	if err := s.decode(r); err != nil {
		r.shut()
		return nil, err
	}
	if v := hr.Header["Set-Cookie"]; v != nil {
		s.opts.Jar.SetFromHeader(req.URL, v)
	}
	if hr.Body != http.NoBody && (x == nil || !x.ended.Load()) {
		// A cleanup would do too, but costs three allocations a request more.
		runtime.SetFinalizer(r, (*Response).leaked)
		r.life.guarded = true
	}
	return r, nil
}

// checkHeader bounds what net/http does not.
func checkHeader(h http.Header, limit int) error {
	if len(h) > limit {
		return &LimitError{What: "number of header fields", Limit: int64(limit)}
	}
	n := 0
	for name, v := range h {
		if strings.IndexByte(name, ' ') >= 0 {
			return &caused{ErrResponse, fmt.Errorf("malformed header name %q", name)}
		}
		if n += len(v); n > maxHeaderValues {
			return &LimitError{What: "number of header values", Limit: maxHeaderValues}
		}
	}
	return nil
}

func (s *Session) decode(r *Response) error {
	l := &r.life
	l.body = l.raw
	no := s.opts.NoDecompress
	if p := r.Request.opts.NoDecompress; p != nil {
		no = *p
	}
	if no || r.hresp.Body == http.NoBody || r.Header["Content-Encoding"] == nil {
		return nil
	}
	names, err := codings(r.Header["Content-Encoding"])
	if err != nil || names == nil {
		return err
	}
	limit := s.opts.MaxDecodedBytes
	if n := r.Request.opts.MaxDecodedBytes; n != 0 {
		limit = n
	}
	l.dec = newDecoder(l.raw, names, limit, s.opts.MaxRatio)
	l.body = l.dec
	return nil
}

// leaked frees what a Response held that nobody closed.
func (r *Response) leaked() {
	s := r.session
	if r.life.closed.Load() || r.life.x != nil && r.life.x.ended.Load() {
		return
	}
	if s.conn != nil {
		s.conn.count(func(st *Stats) { st.Leaked++ })
	}
	s.opts.Logger.Warn("aiohttp: a response was dropped without Close", slog.String("url", redactURL(r.URL)))
	go r.shut() // closing may wait, and finalizers share a goroutine
}

// whenEnded has f called when the response is closed or its body ended.
func (r *Response) whenEnded(f func()) {
	if r.hresp.Body == http.NoBody {
		f()
		return
	}
	r.life.ended = f
}

func (r *Response) mustRaise(s *Session) bool {
	if p := r.Request.opts.RaiseForStatus; p != nil {
		return *p
	}
	return s.opts.RaiseForStatus
}

// OK reports whether the status is below 400.
func (r *Response) OK() bool { return r.Status < 400 }

// ContentType is the media type of the body, without parameters, in lower case;
// "application/octet-stream" if there is none.
func (r *Response) ContentType() string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && t == "" {
		return "application/octet-stream"
	}
	return t
}

// Charset is the charset parameter of Content-Type, in lower case; "" if there is none.
func (r *Response) Charset() string {
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return strings.ToLower(params["charset"])
}

// Cookies returns the cookies that this answer set.
func (r *Response) Cookies() []*http.Cookie { return r.hresp.Cookies() }

// Trailer returns the trailers. They are there when the body was read to its end.
func (r *Response) Trailer() http.Header { return r.hresp.Trailer }

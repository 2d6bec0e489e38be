package aiohttp

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/internal/park"
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

// Read reads the decoded body. It implements [io.Reader]; the ctx of the request ends it.
func (r *Response) Read(p []byte) (n int, err error) {
	if r.whole {
		return 0, io.EOF
	}
	if park.Current() == nil {
		n, err = r.read(p)
	} else {
		n, err = r.parkedRead(p)
	}
	if n > 0 && r.Request.trace != nil {
		r.Request.trace.emit(TraceEvent{Kind: TraceResponseChunkReceived, Bytes: n, Response: r})
	}
	return n, err
}

// WriteTo implements [io.WriterTo]: [io.Copy] from a response reads in large pieces.
func (r *Response) WriteTo(w io.Writer) (total int64, err error) {
	size := int64(256 << 10)
	if r.ContentLength > 0 {
		size = min(size, r.ContentLength)
	}
	buf := make([]byte, size)
	for {
		n, rerr := r.Read(buf)
		if n > 0 {
			k, werr := w.Write(buf[:n])
			total += int64(k)
			if werr != nil {
				return total, werr
			}
		}
		if rerr == io.EOF {
			return total, nil
		}
		if rerr != nil {
			return total, rerr
		}
	}
}

func (r *Response) parkedRead(p []byte) (n int, err error) {
	if perr := park.Do(r.ctx, func() { n, err = r.read(p) }); perr != nil {
		return 0, r.session.fail(r.Request, perr)
	}
	return n, err
}

// read reads on the goroutine that may block.
func (r *Response) read(p []byte) (int, error) {
	l := &r.life
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if l.closed.Load() {
		return 0, r.session.fail(r.Request, ErrResponseClosed)
	}
	n, err := l.body.Read(p)
	if l.dec == nil {
		l.rawSeen += int64(n)
	} else {
		l.rawSeen = l.dec.src.n
	}
	if err == nil {
		return n, nil
	}
	whole := err == io.EOF
	if !whole {
		err = r.session.fail(r.Request, r.payloadError(err))
	}
	l.err = err
	r.endLocked(whole)
	return n, err
}

// payloadError tells how much of a body is missing.
func (r *Response) payloadError(err error) error {
	if cerr := park.Cause(r.ctx); cerr != nil {
		return cerr
	}
	if r.life.shut.Load() {
		return ErrResponseClosed
	}
	if _, ok := errors.AsType[*TimeoutError](err); ok {
		return err
	}
	var c *class
	if errors.As(err, &c) {
		return err
	}
	return &PayloadError{Got: r.life.rawSeen, Want: r.ContentLength, Err: err}
}

// Close frees the connection: for the next request if the body was read or little is
// left of it, else by closing it. A read that another goroutine is in fails with
// [ErrResponseClosed]. It may be called more than once, and returns nil.
func (r *Response) Close() error {
	switch {
	case r.life.closed.Load():
	case park.Current() == nil:
		r.shut()
	default:
		park.Do(context.WithoutCancel(r.ctx), r.shut)
	}
	return nil
}

func (r *Response) shut() {
	l := &r.life
	l.shut.Store(true)
	if !l.mu.TryLock() {
		r.abort() // ends the read that holds the lock
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	r.endLocked(false)
}

func (r *Response) endLocked(whole bool) {
	l := &r.life
	if l.closed.Swap(true) {
		return
	}
	l.endedAt = time.Now()
	if l.guarded {
		runtime.SetFinalizer(r, nil)
	}
	if l.dec != nil {
		l.dec.close()
	}
	switch {
	case l.x == nil:
		r.hresp.Body.Close()
	case !whole:
		l.x.drain()
	}
	if l.ended != nil {
		l.ended()
	}
}

// Chunks yields the decoded body in pieces of at most n bytes (default 64 KiB),
// as they arrive. A piece is valid until the next one. The sequence is single
// use; an error ends it. Leaving it does not close the response.
//
// ctx ends the waiting, and the request with it. The error is as in [Session.Do].
//
// Python: resp.content.iter_chunked.
func (r *Response) Chunks(ctx context.Context, n int) iter.Seq2[[]byte, error] {
	setDefault(&n, defaultChunk)
	return func(yield func([]byte, error) bool) {
		defer r.bind(ctx)()
		buf := make([]byte, n)
		for {
			k, err := r.Read(buf)
			if k > 0 && !yield(buf[:k], nil) {
				return
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, r.boundError(ctx, err))
				return
			}
		}
	}
}

// bind makes the end of ctx the end of the request, until the returned func is called.
func (r *Response) bind(ctx context.Context) (stop func()) {
	if ctx.Done() == nil || ctx.Done() == r.ctx.Done() {
		return func() {}
	}
	cancel := context.AfterFunc(ctx, r.abort)
	return func() { cancel() }
}

// abort ends a read in another goroutine.
func (r *Response) abort() {
	if r.life.x != nil {
		r.life.x.kill()
		return
	}
	r.hresp.Body.Close()
}

// boundError prefers the cause of the ctx that ended a read.
func (r *Response) boundError(ctx context.Context, err error) error {
	if cerr := park.Cause(ctx); cerr != nil && ctx.Done() != r.ctx.Done() {
		return &Error{Method: r.Request.Method, URL: redactURL(r.URL), Err: cerr}
	}
	return err
}

// Bytes reads the whole body, at most MaxBodyBytes. Called again it returns the same bytes.
//
// ctx ends the waiting, and the request with it. The error is as in [Session.Do],
// and [ErrPayload] or [ErrLimit] for a body that is short, damaged or too long.
//
// Python: ClientResponse.read.
func (r *Response) Bytes(ctx context.Context) ([]byte, error) {
	if r.whole {
		return r.cached, nil
	}
	defer r.bind(ctx)()
	limit := r.session.opts.MaxBodyBytes
	if n := r.Request.opts.MaxBodyBytes; n != 0 {
		limit = n
	}
	read := r.readAll
	if park.Current() != nil {
		read = r.parkedReadAll
	}
	data, err := read(limit)
	if err != nil {
		return nil, r.boundError(ctx, err)
	}
	r.cached, r.whole = data, true
	if tr := r.Request.trace; tr != nil && len(data) > 0 {
		tr.emit(TraceEvent{Kind: TraceResponseChunkReceived, Bytes: len(data), Response: r})
	}
	return data, nil
}

func (r *Response) parkedReadAll(limit int64) (data []byte, err error) {
	if perr := park.Do(r.ctx, func() { data, err = r.readAll(limit) }); perr != nil {
		return nil, r.session.fail(r.Request, perr)
	}
	return data, err
}

func (r *Response) readAll(limit int64) ([]byte, error) {
	size := int64(512)
	if r.life.dec == nil && r.ContentLength > 0 {
		size = r.ContentLength + 1 // one more, so that the end is seen without growing
	}
	buf := make([]byte, 0, min(size, 1<<20))
	for {
		n, err := r.read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if limit > 0 && int64(len(buf)) > limit {
			r.shut()
			return nil, r.session.fail(r.Request, &LimitError{What: "body in memory", Limit: limit})
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// Text reads the whole body as text. Its encoding is told by a byte order mark, the
// charset of Content-Type, the meta element of an HTML page, else it is UTF-8.
// What is not valid becomes U+FFFD. See [Response.Bytes].
//
// Python: ClientResponse.text. Differs: bytes that do not fit are no error.
func (r *Response) Text(ctx context.Context) (string, error) {
	data, err := r.Bytes(ctx)
	if err != nil {
		return "", err
	}
	e, _ := encodingOf(data, r.Header.Get("Content-Type"))
	return decodeText(data, e)
}

// TextAs is [Response.Text] in an encoding named as in Python or on the web:
// "utf-8", "latin-1", "gbk", "cp1252", "shift_jis", ...
func (r *Response) TextAs(ctx context.Context, encoding string) (string, error) {
	e, err := lookupEncoding(encoding)
	if err != nil {
		return "", r.session.fail(r.Request, &caused{ErrInvalidRequest, err})
	}
	data, err := r.Bytes(ctx)
	if err != nil {
		return "", err
	}
	return decodeText(data, e)
}

// Encoding returns the name of the encoding that [Response.Text] uses. It reads the body.
func (r *Response) Encoding(ctx context.Context) (string, error) {
	data, err := r.Bytes(ctx)
	if err != nil {
		return "", err
	}
	_, name := encodingOf(data, r.Header.Get("Content-Type"))
	return name, nil
}

// JSON reads the whole body into v, whatever its Content-Type says; an empty body
// leaves v as it is. See [Response.JSONStrict].
//
// Python: ClientResponse.json. Differs: the type is not checked.
func (r *Response) JSON(ctx context.Context, v any) error {
	text, err := r.Text(ctx)
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return r.session.fail(r.Request, &caused{ErrPayload, fmt.Errorf("decoding JSON: %w", err)})
	}
	return nil
}

// JSONStrict is [Response.JSON] of a body of application/json or a type that ends
// in +json; another one is [ErrContentType].
func (r *Response) JSONStrict(ctx context.Context, v any) error {
	if t := r.ContentType(); t != "application/json" && !strings.HasSuffix(t, "+json") {
		return r.session.fail(r.Request, &caused{ErrContentType, fmt.Errorf("%q is not JSON", t)})
	}
	return r.JSON(ctx, v)
}

// RaiseForStatus returns nil if [Response.OK], else a [*StatusError] with the
// beginning of the body, and closes the response.
func (r *Response) RaiseForStatus(ctx context.Context) error {
	if r.OK() {
		return nil
	}
	defer r.Close()
	defer r.bind(ctx)()
	body, _ := io.ReadAll(io.LimitReader(r, errorBodyBytes))
	return r.session.fail(r.Request, &StatusError{Status: r.Status, Reason: r.Reason, Header: r.Header, Body: body})
}

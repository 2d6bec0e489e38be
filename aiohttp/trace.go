package aiohttp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
)

// A TraceKind names a moment in the life of a request.
type TraceKind string

// The kinds, in the order in which they come. Those of the connection come for
// each hop; RequestStart, and one of RequestEnd and RequestException, once.
const (
	TraceRequestStart          TraceKind = "request start"
	TraceQueuedStart           TraceKind = "connection queued start"
	TraceQueuedEnd             TraceKind = "connection queued end"
	TraceCreateStart           TraceKind = "connection create start"
	TraceDNSCacheHit           TraceKind = "dns cache hit"
	TraceDNSCacheMiss          TraceKind = "dns cache miss"
	TraceDNSStart              TraceKind = "dns resolve start"
	TraceDNSEnd                TraceKind = "dns resolve end"
	TraceCreateEnd             TraceKind = "connection create end"
	TraceReuse                 TraceKind = "connection reuse"
	TraceHeadersSent           TraceKind = "request headers sent"
	TraceChunkSent             TraceKind = "request chunk sent"
	TraceRequestRedirect       TraceKind = "request redirect"
	TraceRequestEnd            TraceKind = "request end"
	TraceRequestException      TraceKind = "request exception"
	TraceResponseChunkReceived TraceKind = "response chunk received"
)

// A TraceEvent is one such moment.
type TraceEvent struct {
	Kind TraceKind
	// Method and URL of the hop; the URL has no user, password, query or fragment.
	Method, URL string
	// Request of the hop. It must not be changed. nil for what happens before it is made.
	Request *Request
	// Response, for RequestEnd and RequestRedirect. Its body must not be read.
	Response *Response
	// Err, for RequestException.
	Err error
	// Bytes of a chunk.
	Bytes int
	// Host whose address is looked up.
	Host string
	// Value is TraceValue of the request's options.
	Value any
}

// A Trace is told of each event. Those of sending (HeadersSent, ChunkSent) may come
// from a goroutine of the connection, those of DNS from the one that dials, the others
// come from the caller's.
//
// Python: aiohttp.TraceConfig.
type Trace func(ctx context.Context, e TraceEvent)

// A requestTrace tells the traces of one request. nil is off.
type requestTrace struct {
	ctx    context.Context
	traces []Trace
	value  any
	req    *Request
}

func (t *requestTrace) emit(e TraceEvent) {
	if t == nil {
		return
	}
	e.Value = t.value
	if t.req != nil {
		e.Request, e.Method, e.URL = t.req, t.req.Method, redactURL(t.req.URL)
	}
	for _, f := range t.traces {
		f(t.ctx, e)
	}
}

// tell stands apart so that events take no room on the stack of a request without traces.
//
//go:noinline
func (t *requestTrace) tell(kind TraceKind, resp *Response, err error) {
	if t != nil {
		t.emit(TraceEvent{Kind: kind, Response: resp, Err: err})
	}
}

func (t *requestTrace) pair(begin bool, start, end TraceKind) {
	if begin {
		t.emit(TraceEvent{Kind: start})
	} else {
		t.emit(TraceEvent{Kind: end})
	}
}

func (t *requestTrace) queued(begin bool) { t.pair(begin, TraceQueuedStart, TraceQueuedEnd) }
func (t *requestTrace) create(begin bool) { t.pair(begin, TraceCreateStart, TraceCreateEnd) }
func (t *requestTrace) reuse()            { t.emit(TraceEvent{Kind: TraceReuse}) }

// dns tells a hit alone, or a miss and then the lookup.
func (t *requestTrace) dns(host string, hit, begin bool) {
	switch {
	case hit && begin:
		t.emit(TraceEvent{Kind: TraceDNSCacheHit, Host: host})
	case hit:
	case begin:
		t.emit(TraceEvent{Kind: TraceDNSCacheMiss, Host: host})
		t.emit(TraceEvent{Kind: TraceDNSStart, Host: host})
	default:
		t.emit(TraceEvent{Kind: TraceDNSEnd, Host: host})
	}
}

// body makes the sending of a body visible.
func (t *requestTrace) body(r io.ReadCloser) io.ReadCloser {
	if t == nil || r == nil || r == http.NoBody {
		return r
	}
	return &tracedBody{r, t}
}

type tracedBody struct {
	io.ReadCloser
	t *requestTrace
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.t.emit(TraceEvent{Kind: TraceChunkSent, Bytes: n})
	}
	return n, err
}

func (s *Session) newTrace(ctx context.Context, req *Request) *requestTrace {
	if len(s.opts.Traces) == 0 {
		return nil
	}
	return &requestTrace{ctx: ctx, traces: s.opts.Traces, value: req.opts.TraceValue, req: req}
}

// attach asks net/http to tell when the header was sent.
func (t *requestTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { t.emit(TraceEvent{Kind: TraceHeadersSent}) },
	})
}

package aiohttp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// An h1 speaks HTTP/1.1 on one connection, on the goroutine of whoever sends a
// request: it has none of its own, so that a request costs one write, one wait
// and one read. Answers that are not plain are read by net/http (head.go); the
// request's head is written by appendHead (wire.go). See docs/design/0004-http1-on-the-callers-goroutine.md.
type h1 struct {
	k      *conn
	conn   net.Conn // k, or TLS above it
	tls    *tls.ConnectionState
	in     meter
	r      *bufio.Reader // of in
	served bool          // an answer was read
}

func newH1(k *conn, nc net.Conn) *h1 {
	h := &h1{k: k, conn: nc, in: meter{r: nc}}
	h.r = bufio.NewReaderSize(&h.in, readBytes)
	if tc, ok := nc.(*tls.Conn); ok {
		h.tls = new(tc.ConnectionState())
	}
	return h
}

// A meter reads at most left bytes.
type meter struct {
	r    io.Reader
	left int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errHeaderTooLong
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	return n, err
}

var errHeaderTooLong = errors.New("the header has no end")

// inlineBody is how long a body in memory may be to leave with the head, in one
// write that does not wait for the peer to read.
const inlineBody = 8 << 10

// roundTrip sends the request of x and reads the head of its answer. A body that
// is not small is sent beside that, by x.sending: the answer may come before its end.
func (h *h1) roundTrip(ctx context.Context, x *exchange, req *Request, o headOptions) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(ctx)
	o.close = x.pool.opts.KeepAlive < 0
	x.last = o.close || httpguts.HeaderValuesContainsToken(req.Header["Connection"], "close")
	inline := req.Body.inMemoryUpTo(inlineBody) && req.trace == nil && req.Header["Expect"] == nil
	var body io.ReadCloser
	var err error
	if inline {
		o.length = req.Body.length
	} else if body, o.length, err = req.openBody(); err != nil {
		x.unsent = true
		return nil, err
	}
	buf := headBuffers.Get().(*[]byte)
	defer headBuffers.Put(buf)
	*buf, err = req.appendHead((*buf)[:0], &o)
	if inline {
		*buf = append(*buf, req.Body.data...)
	}
	if len(*buf) > 2*inlineBody {
		x.watchCtx() // the write may wait
	}
	if x.unsent = err != nil; !x.unsent {
		_, err = h.conn.Write(*buf)
	}
	if err != nil {
		if body != nil {
			body.Close()
		}
		return nil, err
	}
	if trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if body != nil {
		x.sending = &sending{h: h, body: body, length: o.length, done: make(chan struct{})}
		if o.expects {
			x.sending.proceed, x.sending.patience = make(chan bool, 1), x.pool.opts.ExpectTimeout
		}
		go x.sending.run()
	}
	// Whoever can run, runs now: the answer may be there when we look, which saves a futile
	// read and a wait in the poller (7 % of the time of 64 requests in flight).
	runtime.Gosched()
	resp, err := h.readHead(req.Method, x.pool.opts.MaxHeaderBytes, x.sending, trace)
	if err != nil {
		err = x.sending.blame(err)
	}
	return resp, err
}

// readHead reads the head of the answer. Those before it (1xx) are passed over;
// one limit holds for all of them.
func (h *h1) readHead(method string, limit int64, s *sending, trace *httptrace.ClientTrace) (*http.Response, error) {
	h.in.left = limit
	if trace != nil && trace.GotFirstResponseByte != nil {
		if _, err := h.r.Peek(1); err == nil {
			trace.GotFirstResponseByte()
		}
	}
	for {
		resp, err := readResponse(h.r, requestOf(method))
		if err != nil {
			if h.in.left <= 0 {
				err = &LimitError{What: "header of the answer", Limit: limit}
			}
			return nil, err
		}
		switch {
		case resp.StatusCode == http.StatusContinue:
			s.goAhead(true)
			continue
		case resp.StatusCode == http.StatusSwitchingProtocols:
			resp.Body = struct {
				io.Reader
				io.Writer
				io.Closer
			}{h.r, h.conn, h.conn}
		case resp.StatusCode < 200:
			continue
		default:
			s.goAhead(!resp.Close)
		}
		h.in.left, h.served = math.MaxInt64, true
		resp.TLS = h.tls
		return resp, nil
	}
}

// requestOf is what net/http must know of a request to read its answer.
func requestOf(method string) *http.Request {
	if method == http.MethodHead {
		return headRequest
	}
	return otherRequest
}

var headRequest, otherRequest = &http.Request{Method: http.MethodHead}, &http.Request{Method: http.MethodGet}

// readBytes is how much is read from a connection at a time, and so the longest
// body that comes with its head.
const readBytes = 4 << 10

var smallBodies = sync.Pool{New: func() any { return new([readBytes]byte) }}

// buffered takes a body out of what was read already, if all of it is there, into
// a buffer that goes back to smallBodies when the body was read.
func (h *h1) buffered(resp *http.Response) (body []byte, buf *[readBytes]byte) {
	n := resp.ContentLength
	if n <= 0 || n > int64(h.r.Buffered()) || resp.Body == http.NoBody || resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil
	}
	buf = smallBodies.Get().(*[readBytes]byte)
	read, _ := io.ReadFull(h.r, buf[:n])
	return buf[:read], buf
}

// clean reports whether the connection is where the next request may begin:
// nothing is left of the last one, either way.
func (h *h1) clean(x *exchange) bool {
	return !x.last && !x.resp.Close && x.resp.StatusCode != http.StatusSwitchingProtocols &&
		h.r.Buffered() == 0 && x.sending.finished()
}

// hungUp is what can be told without reading.
func (h *h1) hungUp() bool {
	if h.k.prober == nil {
		return false
	}
	closed, spoke := h.k.prober.look()
	// TLS may send its tickets before the first answer.
	return closed || spoke && (h.tls == nil || h.served)
}

// probeAfter is how long a connection without a descriptor is idle before it is looked at.
const probeAfter = 20 * time.Millisecond

// stale reports whether the peer closed the idle connection, or sent something
// that nobody asked for.
func (h *h1) stale(idle time.Duration) bool {
	if h.k.dead.Load() || h.r.Buffered() > 0 {
		return true
	}
	if h.k.prober != nil {
		return h.hungUp()
	}
	if idle < probeAfter {
		return false
	}
	h.in.left = 1
	h.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := h.r.Peek(1)
	h.conn.SetReadDeadline(time.Time{})
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

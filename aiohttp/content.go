package aiohttp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/quartet-go/quartet/internal/park"
)

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
	if !r.atHand() && park.Current() != nil {
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

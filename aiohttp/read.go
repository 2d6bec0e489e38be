package aiohttp

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// Read reads the decoded body. It implements [io.Reader]; the ctx of the request ends it.
func (r *Response) Read(p []byte) (n int, err error) {
	if r.whole {
		return 0, io.EOF
	}
	if r.atHand() || park.Current() == nil {
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

// atHand reports whether all of the body has come, so that reading cannot wait.
func (r *Response) atHand() bool { return r.life.x != nil && r.life.x.ended.Load() }

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
	case r.atHand(), park.Current() == nil:
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

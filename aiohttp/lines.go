package aiohttp

import (
	"bytes"
	"context"
	"io"
	"iter"
)

// Lines yields the decoded body line by line, with the line ending; the last one
// may have none. A line is valid until the next. One longer than MaxLineBytes is a [*LimitError].
// The sequence is single use; an error ends it.
//
// ctx ends the waiting, and the request with it.
//
// Python: async for line in resp.content.
func (r *Response) Lines(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		defer r.bind(ctx)()
		buf := make([]byte, 0, 16<<10)
		start := 0 // of what has not been yielded
		searched := 0
		for {
			if i := bytes.IndexByte(buf[searched:], '\n'); i >= 0 {
				end := searched + i + 1
				if !yield(buf[start:end:end], nil) {
					return
				}
				start, searched = end, end
				continue
			}
			searched = len(buf)
			if len(buf)-start > r.session.opts.MaxLineBytes {
				r.Close()
				yield(nil, r.session.fail(r.Request, &LimitError{What: "line", Limit: int64(r.session.opts.MaxLineBytes)}))
				return
			}
			if len(buf) == cap(buf) { // make room: move the rest to the front, or grow
				rest := buf[start:]
				if len(rest) > cap(buf)/2 {
					buf = append(make([]byte, 0, 2*cap(buf)), rest...)
				} else {
					buf = buf[:copy(buf, rest)]
				}
				start, searched = 0, len(rest)
			}
			n, err := r.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			switch {
			case n > 0:
			case err == io.EOF:
				if len(buf) > start {
					yield(buf[start:], nil)
				}
				return
			case err != nil:
				yield(nil, r.boundError(ctx, err))
				return
			}
		}
	}
}

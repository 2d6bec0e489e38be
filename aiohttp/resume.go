package aiohttp

import (
	"errors"
	"fmt"
	"net/http"
)

// resumable reports whether the state proves which file was begun.
func (d *download) resumable() bool {
	return strongETag(d.state.ETag) || d.opts.TrustWeak && (d.state.ETag != "" || d.state.LastModified != "")
}

// ranged reports whether the request asks for a range.
func (d *download) ranged() bool { return d.at > 0 || d.opts.Request.Header.Get("Range") != "" }

func (d *download) requestOptions() *RequestOptions {
	o := *d.opts.Request
	o.Header = o.Header.Clone()
	if d.at == 0 {
		return &o // with the caller's Range, if any
	}
	end := ""
	if d.to >= 0 {
		end = fmt.Sprint(d.to)
	}
	o.Header.Set("Accept-Encoding", "identity") // as what is there
	o.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", d.from+d.at, end))
	validator := d.state.ETag
	if !strongETag(validator) {
		// A weak ETag may not stand in If-Range; the answer's is compared instead.
		validator = d.state.LastModified
	}
	if validator != "" {
		o.Header.Set("If-Range", validator)
	}
	return &o
}

// accept decides what an answer means for what is there. After it, the body
// belongs at d.at, unless the download is complete.
func (d *download) accept(resp *Response) (complete bool, err error) {
	switch {
	case resp.Status == http.StatusPartialContent && d.ranged():
		return false, d.acceptPart(resp)
	case resp.Status == http.StatusOK:
		if d.from > 0 || d.to >= 0 {
			return false, &caused{ErrResponse, errors.New("the server ignores the Range that was asked for")}
		}
		if d.at > 0 { // the file changed, or the server knows no ranges
			if err := d.restart(); err != nil {
				return false, err
			}
		}
		total := resp.ContentLength
		if resp.Header.Get("Content-Encoding") != "" {
			total = -1
		}
		return false, d.begin(resp, total)
	case resp.Status == http.StatusRequestedRangeNotSatisfiable && d.at > 0:
		r, err := parseContentRange(resp.Header.Get("Content-Range"))
		if err == nil && r.unsatisfied && r.total == d.from+d.at && d.to < 0 && d.sameFile(resp) {
			return true, nil
		}
		return false, errRestart
	}
	return false, &StatusError{Status: resp.Status, Reason: resp.Reason, Header: resp.Header}
}

// acceptPart checks a 206 against what was asked and what is there.
func (d *download) acceptPart(resp *Response) error {
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil || r.unsatisfied || r.total < 0 || resp.Header.Get("Content-Encoding") != "" ||
		resp.ContentLength >= 0 && resp.ContentLength != r.end-r.start+1 || r.start < d.from || r.start > d.from+d.at {
		if d.at == 0 {
			return &caused{ErrResponse, errContentRange}
		}
		return errRestart
	}
	total := r.total - d.from
	if d.to >= 0 {
		total = min(total, d.to-d.from+1)
	}
	if r.end-d.from+1 > total {
		return &caused{ErrResponse, errContentRange}
	}
	if d.at == 0 {
		return d.begin(resp, total)
	}
	if !d.sameFile(resp) || d.state.Total >= 0 && d.state.Total != total {
		return errRestart
	}
	if start := r.start - d.from; start < d.at { // earlier than asked: the overlap is written again
		if err := d.sink.move(start); err != nil {
			return err
		}
		d.at = start
		if d.sum != nil && d.summed > start {
			d.sum.Reset()
			d.summed = 0
		}
	}
	d.state.Total = total
	return nil
}

// sameFile compares the validators of an answer with those of the beginning.
func (d *download) sameFile(resp *Response) bool {
	if tag := resp.Header.Get("Etag"); tag != "" || d.state.ETag != "" {
		return tag == d.state.ETag || tag == "" && strongETag(d.state.ETag) && resp.Status == http.StatusPartialContent
	}
	return resp.Header.Get("Last-Modified") == d.state.LastModified
}

// begin remembers which file it is that begins to come.
func (d *download) begin(resp *Response, total int64) error {
	d.state.Total = total
	d.state.ETag = resp.Header.Get("Etag")
	d.state.LastModified = resp.Header.Get("Last-Modified")
	if resp.Header.Get("Content-Encoding") != "" {
		d.state.ETag, d.state.LastModified = "", "" // what is written is not what has the tag
	}
	if !d.opened {
		if _, err := d.sink.open(d.state.URL, true); err != nil {
			return err
		}
		d.opened = true
	}
	if d.opts.Discard || total >= 0 && total < resumeBytes {
		return nil // nobody will ask, or it is fetched again than remembered
	}
	return d.sink.save(d.state)
}

// resumeBytes is the size from which on a download to a file is resumed by a later call.
const resumeBytes = 256 << 10

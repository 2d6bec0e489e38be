package aiohttp

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// DownloadOptions configures a download. A nil pointer or a zero field means the default.
type DownloadOptions struct {
	// Request has what the requests have of their own; its Total limits each attempt. Body and
	// Compress are not used. A Range header of one range limits the download to it.
	Request *RequestOptions
	// Retry says how often an attempt that failed is followed by another one. Attempts counts
	// those in a row that brought nothing new.
	Retry *RetryOptions
	// Digest is what the whole must have: "sha256=HEX"; also md5, sha1, sha512.
	// "sha256" alone computes it.
	Digest string
	// Fresh throws away what an earlier run left.
	Fresh bool
	// TrustWeak resumes by Last-Modified or a weak ETag too: a server that changes a file
	// twice within a second may then give a mixture.
	TrustWeak bool
	// MaxBytes bounds the file. Default: no limit.
	MaxBytes int64
	// NoSync does not wait until the finished file is on the disk.
	NoSync bool
	// Progress is told from time to time, and at the end, on the caller's goroutine or task.
	Progress func(DownloadProgress)
}

// DownloadProgress is how far a download is.
type DownloadProgress struct {
	// Done of Total bytes; Total is -1 if it is not known.
	Done, Total int64
	// Attempt is the number of the current request, from 1.
	Attempt int
}

// A DownloadResult is a finished download.
type DownloadResult struct {
	// Bytes of the whole; Resumed is how many of them an earlier run had left.
	Bytes, Resumed int64
	// Attempts is how many requests were sent; Restarts how often what was there could not be used.
	Attempts, Restarts int
	// Digest in hexadecimal, if one was asked for.
	Digest string
	// Status and Header of the last answer, and the URL it came from.
	Status int
	Header http.Header
	URL    string
}

// A DigestError is a download that is complete and not what it should be. It was removed.
type DigestError struct{ Algorithm, Got, Want string }

// Error names the algorithm and both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("aiohttp: %s of the download is %s, want %s", e.Algorithm, e.Got, e.Want)
}

// Unwrap returns [ErrPayload].
func (e *DigestError) Unwrap() error { return ErrPayload }

// ErrCannotRestart is a download to a writer that would have to begin anew: what
// was written cannot be taken back.
var ErrCannotRestart = newClass("download cannot begin anew", ErrPayload)

// Download fetches url into the file name.
//
// The data goes to name.part, with what is needed to resume it in name.part.json;
// both stay when Download fails, and the next call goes on where this one
// stopped (files below 256 KiB begin anew). Only a complete file, of the right digest, is renamed to name. A part is
// resumed only if a strong ETag proves that the server's file is the same (see
// TrustWeak), and what the server answers is checked; in doubt the download begins anew. What
// comes after an interruption is therefore equal to a clean download.
//
// Attempts that fail are repeated as opts.Retry says; of a status that is an error nothing is
// written. ctx ends the download and leaves the part. Two downloads into one file at a time: the
// second one fails at once.
//
// The error is an [*Error]; it matches [ErrStatus], [ErrPayload] (a [*DigestError], a
// [*PayloadError]), an error of the file system, or the cause of ctx.
func (s *Session) Download(ctx context.Context, url, name string, opts *DownloadOptions) (*DownloadResult, error) {
	return s.download(ctx, url, opts, &fileSink{name: name})
}

// DownloadTo is [Session.Download] into a writer: an interrupted transfer is
// resumed, but nothing is kept for another call. If it has to begin anew, w must be an
// [io.Seeker] with Truncate, as an [os.File] is, or have got nothing yet; else
// the error is [ErrCannotRestart].
func (s *Session) DownloadTo(ctx context.Context, url string, w io.Writer, opts *DownloadOptions) (*DownloadResult, error) {
	return s.download(ctx, url, opts, newWriterSink(w))
}

// A sink is where a download goes.
type sink interface {
	// open finds what is there already; state is zero if nothing can be used.
	open(url string, fresh bool) (downloadState, error)
	// save remembers what a later run needs.
	save(st downloadState) error
	// move sets the position, to what is there or before it; the rest is given up.
	move(to int64) error
	io.Writer
	// local reports whether Write is our own and may run off the caller's goroutine.
	local() bool
	// prefix reads what is there from its beginning.
	prefix() (io.ReadCloser, error)
	// finish makes the whole the result, discard removes it, close leaves it for later.
	finish(sync bool) error
	discard() error
	close() error
}

// A download is the state of one call.
type download struct {
	s      *Session
	opts   DownloadOptions
	retry  RetryOptions
	sink   sink
	state  downloadState
	at     int64 // how many bytes are there
	from   int64 // the caller's Range
	to     int64 // inclusive; -1: the end
	sum    hash.Hash
	summed int64 // how many bytes sum has seen
	algo   string
	want   string
	result DownloadResult
	buf    []byte
}

func (s *Session) download(ctx context.Context, url string, opts *DownloadOptions, sk sink) (*DownloadResult, error) {
	d := &download{s: s, sink: sk, to: -1}
	if opts != nil {
		d.opts = *opts
	}
	d.retry = d.opts.Retry.withDefaults()
	err := d.onDisk(ctx, func() error { return d.prepare(url) })
	if err == nil {
		err = d.run(ctx, url)
		cerr := d.onDisk(context.WithoutCancel(ctx), sk.close)
		if err == nil {
			err = cerr
		}
	}
	if err != nil {
		return nil, s.fail(&Request{Method: "GET", URL: urlForMessage(url)}, err)
	}
	return &d.result, nil
}

func (d *download) prepare(url string) error {
	if err := d.setDigest(d.opts.Digest); err != nil {
		return err
	}
	var req RequestOptions
	if d.opts.Request != nil {
		req = *d.opts.Request
	}
	req.Body, req.JSON, req.Compress = nil, nil, ""
	req.Header = req.Header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if r := req.Header.Get("Range"); r != "" {
		var err error
		if d.from, d.to, err = callerRange(r); err != nil {
			return &caused{ErrInvalidRequest, err}
		}
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.RaiseForStatus = new(false)
	d.opts.Request = &req
	// A digest: the URL may hold secrets, and the state is kept on disk.
	key := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s#%d-%d", url, d.from, d.to)))
	st, err := d.sink.open(key, d.opts.Fresh)
	if err != nil {
		return err
	}
	d.state, d.at = st, st.Size
	d.state.URL = key
	d.result.Resumed = d.at
	d.buf = make([]byte, 256<<10)
	return nil
}

func (d *download) setDigest(spec string) error {
	if spec == "" {
		return nil
	}
	algo, want, _ := strings.Cut(spec, "=")
	d.algo, d.want = strings.ToLower(algo), strings.ToLower(want)
	switch d.algo {
	case "md5":
		d.sum = md5.New()
	case "sha1":
		d.sum = sha1.New()
	case "sha256":
		d.sum = sha256.New()
	case "sha512":
		d.sum = sha512.New()
	default:
		return &caused{ErrInvalidRequest, fmt.Errorf("unknown digest %q", algo)}
	}
	if b, err := hex.DecodeString(d.want); d.want != "" && (err != nil || len(b) != d.sum.Size()) {
		return &caused{ErrInvalidRequest, fmt.Errorf("%q is no %s", want, d.algo)}
	}
	return nil
}

// errRestart is an answer that does not fit what is there.
var errRestart = errors.New("the server's file is not the one that was begun")

// run makes attempts until the whole is there.
func (d *download) run(ctx context.Context, url string) error {
	for idle := 1; ; {
		before := d.at
		d.result.Attempts++
		after, err := d.attempt(ctx, url)
		if err == nil {
			return d.done(ctx)
		}
		if err == errRestart {
			// It is no failure of the server's: ask again, for all of it.
			if err = d.onDisk(ctx, d.restart); err == nil && d.result.Restarts <= d.retry.Attempts {
				continue
			}
			if err == nil {
				err = &caused{ErrPayload, errRestart}
			}
			return err
		}
		if d.at > before {
			idle = 1
		} else {
			idle++
		}
		if !d.goesOn(ctx, idle, err) || after > d.retry.MaxRetryAfter {
			return err
		}
		if after == 0 {
			after = d.retry.pause(max(idle-1, 1))
		}
		if serr := sleep(ctx, after); serr != nil {
			return serr
		}
	}
}

// goesOn reports whether another attempt may help.
func (d *download) goesOn(ctx context.Context, idle int, err error) bool {
	if idle > d.retry.Attempts || ctx.Err() != nil {
		return false
	}
	if st, ok := errors.AsType[*StatusError](err); ok {
		return slices.Contains(d.retry.Statuses, st.Status)
	}
	if errors.Is(err, ErrLimit) {
		return false
	}
	_, short := errors.AsType[*PayloadError](err)
	return short || transient(err)
}

func (d *download) restart() error {
	d.result.Restarts++
	d.result.Resumed = 0
	if d.sum != nil {
		d.sum.Reset()
		d.summed = 0
	}
	if d.at > 0 {
		if err := d.sink.move(0); err != nil {
			return err
		}
	}
	d.at = 0
	d.state = downloadState{URL: d.state.URL, Total: -1}
	return nil
}

// resumable reports whether the state proves which file was begun.
func (d *download) resumable() bool {
	return strongETag(d.state.ETag) || d.opts.TrustWeak && (d.state.ETag != "" || d.state.LastModified != "")
}

// attempt makes one request and takes what it brings. after is the server's Retry-After.
func (d *download) attempt(ctx context.Context, url string) (after time.Duration, err error) {
	if d.at > 0 && !d.resumable() {
		if err := d.onDisk(ctx, d.restart); err != nil {
			return 0, err
		}
	}
	if d.at > 0 && d.state.Total == d.at {
		return 0, nil // all of it had come; only the end was missing
	}
	resp, err := d.s.Get(ctx, url, d.requestOptions())
	if err != nil {
		return 0, err
	}
	defer resp.Close()
	d.result.Status, d.result.Header, d.result.URL = resp.Status, resp.Header, redactURL(resp.URL)
	var complete bool
	err = d.onDisk(ctx, func() (err error) { complete, err = d.accept(resp); return err })
	if err != nil || complete {
		after, _ = retryAfter(resp.Header, time.Now())
		if st, ok := err.(*StatusError); ok {
			st.Body, _ = io.ReadAll(io.LimitReader(resp, errorBodyBytes))
		}
		return after, err
	}
	return 0, d.transfer(ctx, resp)
}

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
	asked := d.at > 0 || d.opts.Request.Header.Get("Range") != ""
	switch {
	case resp.Status == http.StatusPartialContent && asked:
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
	if total >= 0 && total < resumeBytes {
		return nil // sooner fetched again than remembered
	}
	return d.sink.save(d.state)
}

// resumeBytes is the size from which on a download to a file is resumed by a later call.
const resumeBytes = 256 << 10

// transfer writes the body of an answer at d.at.
func (d *download) transfer(ctx context.Context, resp *Response) error {
	for {
		var n int64
		var rerr, werr error
		if d.sink.local() {
			err := d.onDisk(ctx, func() error { n, rerr, werr = d.copySome(resp); return nil })
			if err != nil {
				return err
			}
		} else {
			var k int
			k, rerr = resp.Read(d.buf)
			n = int64(k)
			if k > 0 {
				werr = d.write(d.buf[:k])
			}
		}
		if werr != nil {
			return werr
		}
		if n > 0 && d.opts.Progress != nil {
			d.opts.Progress(DownloadProgress{Done: d.at, Total: d.state.Total, Attempt: d.result.Attempts})
		}
		switch {
		case rerr == io.EOF && d.state.Total >= 0 && d.at < d.state.Total:
			// A 206 may bring less than was asked for; what is missing is asked for next.
			return &PayloadError{Got: d.at, Want: d.state.Total, Err: io.ErrUnexpectedEOF}
		case rerr == io.EOF:
			return nil
		case rerr != nil:
			return rerr
		}
	}
}

// onDisk runs f, which uses the sink: for a task on another goroutine, unless
// the sink is the caller's own code.
func (d *download) onDisk(ctx context.Context, f func() error) (err error) {
	if !d.sink.local() || park.Current() == nil {
		return f()
	}
	if perr := park.Do(ctx, func() { err = f() }); perr != nil {
		return perr
	}
	return err
}

const (
	copyBytes = 4 << 20
	copyTime  = 100 * time.Millisecond
)

// copySome copies for a while: the caller is a task, maybe, and each hop costs.
func (d *download) copySome(resp *Response) (n int64, rerr, werr error) {
	start := time.Now()
	for n < copyBytes && rerr == nil && werr == nil && (n == 0 || time.Since(start) < copyTime) {
		var k int
		k, rerr = resp.read(d.buf)
		if k > 0 {
			werr = d.write(d.buf[:k])
			n += int64(k)
		}
	}
	return n, rerr, werr
}

func (d *download) write(p []byte) error {
	if d.opts.MaxBytes > 0 && d.at+int64(len(p)) > d.opts.MaxBytes {
		return &LimitError{What: "download", Limit: d.opts.MaxBytes}
	}
	if d.state.Total >= 0 && d.at+int64(len(p)) > d.state.Total {
		return &caused{ErrPayload, errors.New("the answer is longer than it said")}
	}
	n, err := d.sink.Write(p)
	if d.sum != nil && d.summed == d.at {
		d.sum.Write(p[:n])
		d.summed += int64(n)
	}
	d.at += int64(n)
	return err
}

// done checks the digest of the whole and makes it the result.
func (d *download) done(ctx context.Context) error {
	d.result.Bytes = d.at
	if err := d.onDisk(ctx, d.check); err != nil {
		return err
	}
	err := d.onDisk(context.WithoutCancel(ctx), func() error { return d.sink.finish(!d.opts.NoSync) })
	if err == nil && d.opts.Progress != nil {
		d.opts.Progress(DownloadProgress{Done: d.at, Total: d.at, Attempt: d.result.Attempts})
	}
	return err
}

func (d *download) check() error {
	if d.sum == nil {
		return nil
	}
	if d.summed != d.at { // resumed: what was there has not been seen
		d.sum.Reset()
		r, err := d.sink.prefix()
		if err != nil {
			return err
		}
		defer r.Close()
		if _, err := io.CopyN(d.sum, r, d.at); err != nil {
			return err
		}
	}
	d.result.Digest = hex.EncodeToString(d.sum.Sum(nil))
	if d.want != "" && d.result.Digest != d.want {
		return errors.Join(&DigestError{d.algo, d.result.Digest, d.want}, d.sink.discard())
	}
	return nil
}

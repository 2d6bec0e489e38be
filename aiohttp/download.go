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
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// DownloadOptions configures a download. A nil pointer or a zero field means the default.
type DownloadOptions struct {
	// Request has what the requests have of their own; its Total limits each attempt. Body and
	// Compress are not used. A Range header of one range limits the download to it. Compression is
	// only asked for by an Accept-Encoding here; what comes compressed is not resumed.
	Request *RequestOptions
	// Retry says how often an attempt that failed is followed by another one. Attempts counts
	// those in a row that brought nothing new.
	Retry *RetryOptions
	// Digest is what the whole must have: "sha256=HEX"; also md5, sha1, sha512.
	// "sha256" alone computes it.
	Digest string
	// Fresh throws away what an earlier run left.
	Fresh bool
	// Name is asked for the file's name, in place of the argument, when the header of an answer that
	// brings the file is there. What an earlier run left is then not looked for.
	Name func(*Response) (string, error)
	// Discard leaves nothing behind when Download fails: another call begins anew.
	Discard bool
	// TrustWeak resumes by Last-Modified or a weak ETag too: a server that changes a file
	// twice within a second may then give a mixture.
	TrustWeak bool
	// MaxBytes bounds the file. Default: no limit.
	MaxBytes int64
	// NoSync does not wait until the finished file is on the disk.
	NoSync bool
	// Progress is told from time to time, and at the end. It, Name and Attempted run on the caller's
	// goroutine or task.
	Progress func(DownloadProgress)
	// Attempted is told of each request when its outcome is known.
	Attempted func(DownloadAttempt)
}

// A DownloadAttempt is one of the requests of a download.
type DownloadAttempt struct {
	// Number of the request, from 1.
	Number int
	// Response, closed, or nil if none came.
	Response *Response
	// Err is why another one has to follow, or the download failed; nil if the file is complete.
	Err error
	// Took is from the request to the outcome.
	Took time.Duration
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
	// Name of the file; empty for a download to a writer.
	Name string
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
	// rename gives the result another name before open; path is its name.
	rename(name string)
	path() string
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
	named  bool // Name was asked
	opened bool // the sink was
}

func (s *Session) download(ctx context.Context, url string, opts *DownloadOptions, sk sink) (*DownloadResult, error) {
	d := &download{s: s, sink: sk, to: -1}
	if opts != nil {
		d.opts = *opts
	}
	d.retry = d.opts.Retry.withDefaults()
	err := d.prepare(url)
	if err == nil && d.opts.Name == nil && !d.opts.Fresh {
		err = d.onDisk(ctx, d.open)
	}
	if err == nil {
		err = d.run(ctx, url)
	}
	if d.buf != nil {
		downloadBuffers.Put((*[bufferBytes]byte)(d.buf))
	}
	if err != nil {
		end := sk.close
		if d.opts.Discard {
			end = sk.discard
		}
		if cerr := d.onDisk(context.WithoutCancel(ctx), end); cerr != nil {
			err = errors.Join(err, cerr)
		}
		return nil, s.fail(&Request{Method: "GET", URL: urlForMessage(url)}, err)
	}
	return &d.result, nil
}

const bufferBytes = 256 << 10

var downloadBuffers = sync.Pool{New: func() any { return new([bufferBytes]byte) }}

// open looks at what is there already.
func (d *download) open() error {
	st, err := d.sink.open(d.state.URL, d.opts.Fresh || d.opts.Name != nil)
	if err != nil {
		return err
	}
	url := d.state.URL
	d.state, d.at, d.opened = st, st.Size, true
	d.state.URL = url
	d.result.Resumed = d.at
	return nil
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
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "identity")
	}
	req.RaiseForStatus = new(false)
	d.opts.Request = &req
	// A digest: the URL may hold secrets, and the state is kept on disk.
	d.state = downloadState{URL: fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s#%d-%d", url, d.from, d.to))), Total: -1}
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
		if d.at > before && d.resumable() {
			idle = 1
		} else {
			idle++
		}
		if !d.goesOn(ctx, idle, err) || after > d.retry.MaxRetryAfter {
			return err
		}
		if after == 0 {
			after = d.retry.pause(max(idle-1, 1))
		} else {
			after += rand.N(after/10 + 1) // those who were refused together do not come back together
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
	if t, ok := errors.AsType[*TimeoutError](err); ok && t.Phase == PhaseTotal {
		return true // Total limits an attempt, not the download
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
	d.result.Attempts++
	began := time.Now()
	resp, err := d.s.Get(ctx, url, d.requestOptions())
	if err == nil {
		after, err = d.take(ctx, resp)
		resp.Close()
	}
	if d.opts.Attempted != nil {
		d.opts.Attempted(DownloadAttempt{Number: d.result.Attempts, Response: resp, Err: err, Took: time.Since(began)})
	}
	return after, err
}

// take takes what an answer brings.
func (d *download) take(ctx context.Context, resp *Response) (after time.Duration, err error) {
	d.result.Status, d.result.Header, d.result.URL = resp.Status, resp.Header, redactURL(resp.URL)
	if d.opts.Name != nil && !d.named && (resp.Status == http.StatusOK || resp.Status == http.StatusPartialContent && d.ranged()) {
		name, err := d.opts.Name(resp)
		if err != nil {
			return 0, err
		}
		d.sink.rename(name)
		d.named = true
	}
	err = d.receive(ctx, resp)
	if err != nil {
		after, _ = retryAfter(resp.Header, time.Now())
	}
	if st, ok := err.(*StatusError); ok {
		st.Body, _ = io.ReadAll(io.LimitReader(resp, errorBodyBytes))
	}
	return after, err
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

// receive accepts an answer and writes its body at d.at.
func (d *download) receive(ctx context.Context, resp *Response) error {
	accepted, complete := false, false
	for {
		var n int64
		var rerr error
		err := d.onDisk(ctx, func() (err error) {
			if !accepted {
				if complete, err = d.accept(resp); err != nil || complete {
					return err
				}
				accepted = true
			}
			if d.sink.local() {
				n, rerr, err = d.copySome(resp)
			}
			return err
		})
		if err != nil || complete {
			return err
		}
		if !d.sink.local() {
			k, err := resp.Read(d.buffer())
			if n, rerr = int64(k), err; k > 0 {
				if err := d.write(d.buf[:k]); err != nil {
					return err
				}
			}
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

func (d *download) buffer() []byte {
	if d.buf == nil {
		d.buf = downloadBuffers.Get().(*[bufferBytes]byte)[:]
	}
	return d.buf
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
	d.buffer()
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
	if d.sum != nil && d.summed != d.at { // resumed: what was there has not been seen
		if err := d.onDisk(ctx, d.digestAll); err != nil {
			return err
		}
	}
	err := d.onDisk(context.WithoutCancel(ctx), func() error {
		if err := d.check(); err != nil {
			return err
		}
		return d.sink.finish(!d.opts.NoSync)
	})
	d.result.Name = d.sink.path()
	if err == nil && d.opts.Progress != nil {
		d.opts.Progress(DownloadProgress{Done: d.at, Total: d.at, Attempt: d.result.Attempts})
	}
	return err
}

func (d *download) digestAll() error {
	d.sum.Reset()
	r, err := d.sink.prefix()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.CopyN(d.sum, r, d.at)
	return err
}

func (d *download) check() error {
	if d.sum == nil {
		return nil
	}
	d.result.Digest = hex.EncodeToString(d.sum.Sum(nil))
	if d.want != "" && d.result.Digest != d.want {
		return errors.Join(&DigestError{d.algo, d.result.Digest, d.want}, d.sink.discard())
	}
	return nil
}

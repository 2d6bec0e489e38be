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

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/cmd/quartet/internal/backoff"
	"github.com/quartet-go/quartet/cmd/quartet/internal/filename"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
)

// chunkBytes is how much of a body is read and written at a time, and what a small
// body has at most.
const chunkBytes = 64 << 10

// errTimeout is the cause of the end of an attempt that took too long.
var errTimeout = errors.New("the attempt took too long")

// A statusError is a response that brings no file.
type statusError struct {
	status     int
	retryAfter time.Duration
}

func (e *statusError) Error() string {
	return fmt.Sprintf("status %d %s", e.status, http.StatusText(e.status))
}

func (f *Fetcher) newSession() (*aiohttp.Session, error) {
	header := f.opts.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if f.opts.UserAgent != "" {
		header.Set("User-Agent", f.opts.UserAgent)
	}
	if header.Get("Accept-Encoding") == "" {
		// A file is to be what the server has, byte by byte and in its own size.
		header.Set("Accept-Encoding", "identity")
	}
	return aiohttp.NewSession(&aiohttp.SessionOptions{
		Header:          header,
		Connector:       f.connector,
		TrustEnv:        true,
		MaxDecodedBytes: -1, // it goes to a file, not into memory
	})
}

// do does all that is to be done for one item.
func (f *Fetcher) do(ctx context.Context, it item) report.Record {
	began := time.Now()
	rec := report.Record{URL: it.Raw}
	err := errors.Join(it.Err, it.err)
	if err == nil {
		err = f.download(ctx, it, &rec)
	}
	if err == nil && f.hasWork() {
		err = f.work(ctx, &rec)
	}
	if err != nil {
		rec.Error = err.Error()
	}
	rec.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	return rec
}

// download makes attempts until one succeeds, none may follow, or ctx ends.
func (f *Fetcher) download(ctx context.Context, it item, rec *report.Record) error {
	for n := 1; ; n++ {
		rec.Attempts = n
		err := f.attempt(ctx, &it, rec)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !mayPass(err) || n > f.opts.Retries:
			return err
		}
		var asked time.Duration
		if status, ok := errors.AsType[*statusError](err); ok {
			asked = status.retryAfter
		}
		if asked > f.opts.MaxWait {
			return fmt.Errorf("%w, and the server asks to wait for %v", err, asked)
		}
		if asyncio.Sleep(ctx, f.opts.Backoff.Delay(n, asked)) != nil {
			return fmt.Errorf("%w while waiting to try again after: %w", context.Cause(ctx), err)
		}
	}
}

// mayPass reports whether what failed with err may succeed if tried again.
func mayPass(err error) bool {
	if status, ok := errors.AsType[*statusError](err); ok {
		switch status.status {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	switch {
	case errors.Is(err, errTimeout):
		return true
	case errors.Is(err, aiohttp.ErrCertificate), errors.Is(err, aiohttp.ErrLimit):
		return false
	}
	return errors.Is(err, aiohttp.ErrConnection) || errors.Is(err, aiohttp.ErrPayload)
}

// attempt makes one request and saves the body of its response.
func (f *Fetcher) attempt(ctx context.Context, it *item, rec *report.Record) (err error) {
	if f.opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.opts.Timeout, errTimeout)
		defer cancel()
	}
	told := Attempt{URL: it.Raw, Number: rec.Attempts}
	began := time.Now()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
			err = fmt.Errorf("%w (%v)", errTimeout, f.opts.Timeout)
		}
		if f.opts.OnAttempt != nil {
			told.Status, told.Err, told.Took = rec.Status, err, time.Since(began)
			f.opts.OnAttempt(told)
		}
	}()
	rec.Status = 0
	resp, err := f.session.Get(ctx, it.Raw, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Close() }()
	rec.Status = resp.Status
	told.Redirects, told.Encoding = len(resp.History), resp.Header.Get("Content-Encoding")
	if resp.Status < 200 || resp.Status > 299 || resp.Status == http.StatusPartialContent {
		return &statusError{resp.Status, backoff.RetryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	name, err := f.nameOf(ctx, it, resp)
	if err != nil {
		return err
	}
	path := filepath.Join(f.opts.Dir, name)
	n, err := f.save(ctx, resp, path)
	if err != nil {
		return err
	}
	rec.File, rec.Bytes = path, n
	return nil
}

// nameOf returns the name of the file for a response: the server's, if it has
// one, else the one that follows from the URL.
func (f *Fetcher) nameOf(ctx context.Context, it *item, resp *aiohttp.Response) (string, error) {
	name, ok := filename.FromHeader(resp.Header.Get("Content-Disposition"))
	if !ok || name == filename.FromURL(it.URL) {
		return it.name, nil
	}
	if it.served == name { // as in the attempt before
		return it.servedAs, nil
	}
	claimed, err := asyncio.ToThread(ctx, func(context.Context) (string, error) { return f.claims.Claim(name) })
	if err == nil {
		it.served, it.servedAs = name, claimed
	}
	return claimed, err
}

// save writes the body of resp to the file at path.
func (f *Fetcher) save(ctx context.Context, resp *aiohttp.Response, path string) (n int64, err error) {
	// What decides which files there are is not given up in the middle.
	whole := context.WithoutCancel(ctx)
	if size := resp.ContentLength; 0 <= size && size <= chunkBytes && resp.Header.Get("Content-Encoding") == "" {
		body, err := resp.Bytes(ctx)
		if err != nil {
			return 0, err
		}
		// All calls on a small file together leave the loop once, not once each.
		return asyncio.ToThread(whole, func(ctx context.Context) (int64, error) {
			return int64(len(body)), putFile(ctx, path, func(file *aiofiles.File) error {
				_, err := file.Write(ctx, body)
				return err
			})
		})
	}
	bar := f.report.Transfer(filepath.Base(path))
	defer bar.End()
	buf := buffers.Get().(*[chunkBytes]byte)
	defer buffers.Put(buf)
	err = putFile(whole, path, func(file *aiofiles.File) error {
		for {
			k, readErr := resp.Read(buf[:])
			if _, err := file.Write(ctx, buf[:k]); err != nil {
				return err
			}
			n += int64(k)
			bar.Progress(n, resp.ContentLength)
			if errors.Is(readErr, io.EOF) {
				return nil
			} else if readErr != nil {
				return readErr
			}
		}
	})
	return n, err
}

var buffers = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// putFile has write write a file, which is at path only when it is whole: until
// then it is named otherwise, and nothing is left of it if write fails.
func putFile(ctx context.Context, path string, write func(*aiofiles.File) error) (err error) {
	part := path + filename.Part
	file, err := create(ctx, part)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = aiofiles.Remove(ctx, part)
		}
	}()
	if err := write(file); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return aiofiles.Rename(ctx, part, path)
}

// create makes a new file, in place of one that a job before this one has left
// there, and never through a link.
func create(ctx context.Context, path string) (*aiofiles.File, error) {
	file, err := aiofiles.Open(ctx, path, "xb", nil)
	if !errors.Is(err, fs.ErrExist) {
		return file, err
	}
	if err := aiofiles.Remove(ctx, path); err != nil {
		return nil, err
	}
	return aiofiles.Open(ctx, path, "xb", nil)
}

package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/cmd/quartet/internal/filename"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
)

func (f *Fetcher) newSession() (*aiohttp.Session, error) {
	return aiohttp.NewSession(&aiohttp.SessionOptions{
		Connector:       f.connector,
		TrustEnv:        true,
		MaxDecodedBytes: -1, // it goes to a file, not into memory
	})
}

// header goes with each request: an Accept-Encoding in it too, which makes
// downloads ask for compression.
func (o *Options) header() http.Header {
	header := o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if o.UserAgent != "" {
		header.Set("User-Agent", o.UserAgent)
	}
	return header
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

// download fetches the item into its file, in as many attempts as it takes and may.
func (f *Fetcher) download(ctx context.Context, it item, rec *report.Record) (err error) {
	var bar *report.Transfer
	defer func() { bar.End() }()
	to := newPart(ctx)
	defer func() { to.end(err == nil) }()
	result, err := f.session.DownloadTo(ctx, it.Raw, to, &aiohttp.DownloadOptions{
		Request: &aiohttp.RequestOptions{Header: f.opts.header(), Timeouts: aiohttp.Timeouts{Total: f.opts.Timeout}},
		Retry: &aiohttp.RetryOptions{
			Attempts: 1 + max(0, f.opts.Retries), Delay: f.opts.Delay, MaxDelay: f.opts.MaxDelay, MaxRetryAfter: f.opts.MaxWait,
		},
		Name: func(resp *aiohttp.Response) (string, error) {
			name, err := f.nameOf(ctx, it, resp)
			to.path = filepath.Join(f.opts.Dir, name)
			to.hold = 0 <= resp.ContentLength && resp.ContentLength <= smallBytes
			return to.path, err
		},
		Progress: func(p aiohttp.DownloadProgress) {
			if bar == nil && (p.Total < 0 || p.Total > smallBytes) {
				bar = f.report.Transfer(filepath.Base(to.path))
			}
			bar.Progress(p.Done, p.Total)
		},
		Attempted: func(a aiohttp.DownloadAttempt) { f.attempted(it, rec, a) },
	})
	if err != nil {
		return f.explainDownload(ctx, err)
	}
	if err := to.finish(); err != nil {
		return err
	}
	rec.File, rec.Bytes = to.path, result.Bytes
	return nil
}

// attempted notes what became of one request.
func (f *Fetcher) attempted(it item, rec *report.Record, a aiohttp.DownloadAttempt) {
	told := Attempt{URL: it.Raw, Number: a.Number, Err: a.Err, Took: a.Took}
	if a.Response != nil {
		told.Status, told.Redirects = a.Response.Status, len(a.Response.History)
		told.Encoding = a.Response.Header.Get("Content-Encoding")
	}
	rec.Attempts, rec.Status = a.Number, told.Status
	if f.opts.OnAttempt != nil {
		f.opts.OnAttempt(told)
	}
}

// nameOf returns the name of the file for a response: the server's, if it has
// one, else the one that follows from the URL.
func (f *Fetcher) nameOf(ctx context.Context, it item, resp *aiohttp.Response) (string, error) {
	name, ok := filename.FromHeader(resp.Header.Get("Content-Disposition"))
	if !ok || name == filename.FromURL(it.URL) {
		return it.name, nil
	}
	return asyncio.ToThread(ctx, func(context.Context) (string, error) { return f.claims.Claim(name) })
}

// explainDownload says in the command's words why there is no file.
func (f *Fetcher) explainDownload(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if late, ok := errors.AsType[*aiohttp.TimeoutError](err); ok && late.Phase == aiohttp.PhaseTotal {
		return &toldError{fmt.Sprintf("the attempt took too long (%v)", late.Limit), err}
	}
	if status, ok := errors.AsType[*aiohttp.StatusError](err); ok {
		text := fmt.Sprintf("status %d %s", status.Status, http.StatusText(status.Status))
		if asked, _ := status.RetryAfter(); asked > f.opts.MaxWait {
			text += fmt.Sprintf(", and the server asks to wait for %v", asked)
		}
		return &toldError{text, err}
	}
	return err
}

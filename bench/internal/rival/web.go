package rival

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/go-resty/resty/v2"
	"github.com/valyala/fasthttp"

	"github.com/quartet-go/quartet/bench/internal/measure"
)

// Get fetches the page once and returns an error unless it is what it shall be.
type Get func(ctx context.Context) error

// Gets calls get n times from width goroutines and measures the seconds.
func Gets(ctx context.Context, n, width int, get Get) (float64, int, error) {
	var taken, done atomic.Int64
	var failed atomic.Pointer[error]
	seconds, err := measure.Clock(func() error {
		var all sync.WaitGroup
		for range width {
			all.Go(func() {
				for taken.Add(1) <= int64(n) && failed.Load() == nil {
					if err := get(ctx); err != nil {
						failed.Store(&err)
						return
					}
					done.Add(1)
				}
			})
		}
		all.Wait()
		if p := failed.Load(); p != nil {
			return *p
		}
		return nil
	})
	return seconds, int(done.Load()), err
}

// A Page is what is fetched, and how many of it at once.
type Page struct {
	URL   string
	Body  []byte
	Width int
	TLS   *tls.Config // for https
}

// Check returns an error unless status and body are those of the page.
func (p *Page) Check(status int, body []byte) error {
	if status != http.StatusOK || !bytes.Equal(body, p.Body) {
		return fmt.Errorf("status %d, %d bytes", status, len(body))
	}
	return nil
}

// Work is what n pages come to: each body was checked, so one digest tells all.
func (p *Page) Work(n int) measure.Work {
	return measure.Work{Count: n, Digest: measure.Blocks([][]byte{p.Body}).Digest}
}

// Rounds is a side that fetches the page n times a round by get.
func (p *Page) Rounds(get Get, free func() error) opener {
	return p.rounds(get, free, func(seconds, _ float64) float64 { return seconds })
}

// Allocs is like Rounds but its amount is the number of allocations.
func (p *Page) Allocs(get Get, free func() error) opener {
	return p.rounds(get, free, func(_, allocs float64) float64 { return allocs })
}

func (p *Page) rounds(get Get, free func() error, amount func(seconds, allocs float64) float64) opener {
	return measure.With(func(_ context.Context, n int) (measure.Round, func() error, error) {
		return func(ctx context.Context) (measure.Result, error) {
			before := Mallocs()
			seconds, done, err := Gets(ctx, n, p.Width, get)
			return measure.Result{Amount: amount(seconds, Mallocs()-before), Work: p.Work(done)}, err
		}, free, nil
	})
}

// Mallocs is how many objects this process has allocated so far.
func Mallocs() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Mallocs)
}

// transport is a net/http transport as one tunes it for many requests to a host.
func (p *Page) transport(maxConns int) *http.Transport {
	return &http.Transport{
		MaxIdleConns:        p.Width,
		MaxIdleConnsPerHost: p.Width,
		MaxConnsPerHost:     maxConns,
		DisableCompression:  true,
		ForceAttemptHTTP2:   p.TLS != nil,
		TLSClientConfig:     p.TLS,
	}
}

// NetHTTP gets by net/http with at most maxConns connections, 0 for no limit.
func (p *Page) NetHTTP(maxConns int) (Get, func() error) {
	t := p.transport(maxConns)
	client := &http.Client{Transport: t}
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	get := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		b := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(b)
		b.Reset()
		if _, err := b.ReadFrom(resp.Body); err != nil {
			return err
		}
		return p.Check(resp.StatusCode, b.Bytes())
	}
	return get, func() error { t.CloseIdleConnections(); return nil }
}

// FastHTTP gets by fasthttp with pooled requests and responses.
func (p *Page) FastHTTP() (Get, func() error) {
	client := &fasthttp.Client{MaxConnsPerHost: p.Width}
	get := func(context.Context) error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(p.URL)
		if err := client.Do(req, resp); err != nil {
			return err
		}
		return p.Check(resp.StatusCode(), resp.Body())
	}
	return get, func() error { client.CloseIdleConnections(); return nil }
}

// Resty gets by resty on a tuned transport.
func (p *Page) Resty() (Get, func() error) {
	t := p.transport(0)
	client := resty.New().SetTransport(t)
	get := func(ctx context.Context) error {
		resp, err := client.R().SetContext(ctx).Get(p.URL)
		if err != nil {
			return err
		}
		return p.Check(resp.StatusCode(), resp.Body())
	}
	return get, func() error { t.CloseIdleConnections(); return nil }
}

// Download copies the URL to a file by net/http, n bytes.
func Download(url, name string) opener {
	return measure.With(func(context.Context, int) (measure.Round, func() error, error) {
		t := &http.Transport{DisableCompression: true}
		client := &http.Client{Transport: t}
		round := func(ctx context.Context) (measure.Result, error) {
			return Downloaded(name, func() error {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
				if err != nil {
					return err
				}
				resp, err := client.Do(req)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				f, err := os.Create(name)
				if err != nil {
					return err
				}
				if _, err := io.Copy(f, resp.Body); err != nil {
					f.Close()
					return err
				}
				return f.Close()
			})
		}
		return round, func() error { t.CloseIdleConnections(); return nil }, nil
	})
}

// Downloaded times work, then digests and removes the file that it wrote.
func Downloaded(name string, work func() error) (measure.Result, error) {
	defer os.Remove(name)
	seconds, err := measure.Clock(work)
	if err != nil {
		return measure.Result{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return measure.Result{}, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	return measure.Result{Amount: seconds, Work: measure.Work{Count: int(size), Digest: hex.EncodeToString(h.Sum(nil))}}, err
}

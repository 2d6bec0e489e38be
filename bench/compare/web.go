package main

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/peer"
	"github.com/quartet-go/quartet/bench/internal/rival"
)

var webRows = []row{
	{"aiohttp/get-1KiB", webGet},
	{"aiohttp/get-1KiB-allocations", webGetAllocs},
	{"aiohttp/get-1KiB-in-tasks", webGetTasks},
	{"aiohttp/get-1KiB-h2", webGetH2},
	{"aiohttp/download-256MiB", webDownload},
	{"aiohttp/limit-100", webLimit},
	{"aiohttp/limit-100-slowest", webLimitSlowest},
}

const webWidth = 64 // requests in flight

// page is the page of the server at that base, and what fetches it.
func (f *fixtures) webPage(ctx context.Context, secure bool) (*rival.Page, error) {
	if _, err := f.page(); err != nil {
		return nil, err
	}
	server, err := f.nginx(ctx)
	if err != nil {
		return nil, err
	}
	if secure {
		return &rival.Page{URL: server.TLS + "/page", Body: pattern(pageBytes), Width: webWidth, TLS: server.CA}, nil
	}
	return &rival.Page{URL: server.URL + "/page", Body: pattern(pageBytes), Width: webWidth}, nil
}

// session gets the page by our session, with at most limit requests in flight.
func session(p *rival.Page, limit int) (rival.Get, func() error, error) {
	connector := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Limit: limit, MaxIdle: limit, TLS: p.TLS})
	s, err := aiohttp.NewSession(&aiohttp.SessionOptions{Connector: connector})
	if err != nil {
		return nil, nil, err
	}
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	get := func(ctx context.Context) error {
		resp, err := s.Get(ctx, p.URL, nil)
		if err != nil {
			return err
		}
		defer resp.Close()
		b := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(b)
		b.Reset()
		if _, err := b.ReadFrom(resp); err != nil {
			return err
		}
		return p.Check(resp.Status, b.Bytes())
	}
	return get, func() error {
		s.Close()
		return connector.Close()
	}, nil
}

// client opens a side that gets the page by what connect returns.
func client(rounds func(rival.Get, func() error) func(context.Context, int) (measure.Runner, error), connect func() (rival.Get, func() error, error)) func(context.Context, int) (measure.Runner, error) {
	return func(ctx context.Context, n int) (measure.Runner, error) {
		get, free, err := connect()
		if err != nil {
			return nil, err
		}
		return rounds(get, free)(ctx, n)
	}
}

func ourClient(p *rival.Page, limit int) func() (rival.Get, func() error, error) {
	return func() (rival.Get, func() error, error) { return session(p, limit) }
}

// sure is for clients that cannot fail to be made.
func sure(make func() (rival.Get, func() error)) func() (rival.Get, func() error, error) {
	return func() (rival.Get, func() error, error) {
		get, free := make()
		return get, free, nil
	}
}

func netHTTP(p *rival.Page, limit int) func() (rival.Get, func() error, error) {
	return sure(func() (rival.Get, func() error) { return p.NetHTTP(limit) })
}

// pythonWeb is a case of web.py.
func pythonWeb(name, function string, p *rival.Page, n int, goal float64) measure.Side {
	open := peer.Python("web.py", function, p.URL, strconv.Itoa(p.Width), strconv.Itoa(len(p.Body)))
	return measure.Side{Name: name, N: n, Goal: goal, Open: open}
}

// webGet gets a page of 1 KiB, 64 requests in flight.
func webGet(ctx context.Context, f *fixtures) (measure.Case, error) {
	p, err := f.webPage(ctx, false)
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.MicrosEach, N: 20_000, Want: p.Work,
		Ours: measure.Side{Name: "quartet", Open: client(p.Rounds, ourClient(p, webWidth))},
		Peers: []measure.Side{
			{Name: "net/http", Goal: 1.05, Open: client(p.Rounds, netHTTP(p, 0))},
			{Name: "fasthttp", Open: client(p.Rounds, sure(p.FastHTTP))},
			{Name: "resty", Open: client(p.Rounds, sure(p.Resty))},
			pythonWeb("aiohttp on uvloop", "get_aiohttp", p, 5_000, 5),
			pythonWeb("httpx on uvloop", "get_httpx", p, 200, 0),
		},
	}, nil
}

// webGetAllocs counts the allocations of a request.
func webGetAllocs(ctx context.Context, f *fixtures) (measure.Case, error) {
	p, err := f.webPage(ctx, false)
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.Unit{Name: "allocs/item", Scale: 1, PerItem: true}, N: 10_000, Want: p.Work,
		Ours:  measure.Side{Name: "quartet", Open: client(p.Allocs, ourClient(p, webWidth))},
		Peers: []measure.Side{{Name: "net/http", Goal: 1, Open: client(p.Allocs, netHTTP(p, 0))}},
	}, nil
}

// webGetTasks is webGet from tasks of one loop.
func webGetTasks(ctx context.Context, f *fixtures) (measure.Case, error) {
	p, err := f.webPage(ctx, false)
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.MicrosEach, N: 20_000, Want: p.Work,
		Ours: measure.Side{Name: "quartet", Open: measure.With(func(_ context.Context, n int) (measure.Round, func() error, error) {
			get, free, err := session(p, webWidth)
			if err != nil {
				return nil, nil, err
			}
			work := func(ctx context.Context) (measure.Result, error) { return getInTasks(ctx, p, get, n) }
			return func(ctx context.Context) (measure.Result, error) { return asyncio.Run(ctx, work, nil) }, free, nil
		})},
		Peers: []measure.Side{
			{Name: "net/http", Open: client(p.Rounds, netHTTP(p, 0))},
			pythonWeb("aiohttp on uvloop", "get_aiohttp", p, 5_000, 0),
		},
	}, nil
}

func getInTasks(ctx context.Context, p *rival.Page, get rival.Get, n int) (measure.Result, error) {
	left, done := n, 0 // of this loop, so without a lock
	worker := func(ctx context.Context) (struct{}, error) {
		for left > 0 {
			left--
			if err := get(ctx); err != nil {
				return struct{}{}, err
			}
			done++
		}
		return struct{}{}, nil
	}
	seconds, err := measure.Clock(func() error {
		workers := make([]asyncio.Awaitable[struct{}], p.Width)
		for i := range workers {
			workers[i] = asyncio.Coro0(worker)
		}
		_, err := asyncio.Gather(ctx, workers...)
		return err
	})
	return measure.Result{Amount: seconds, Work: p.Work(done)}, err
}

// webGetH2 is webGet over TLS and HTTP/2.
func webGetH2(ctx context.Context, f *fixtures) (measure.Case, error) {
	p, err := f.webPage(ctx, true)
	if err != nil {
		return measure.Case{}, err
	}
	return measure.Case{
		Unit: measure.MicrosEach, N: 10_000, Want: p.Work,
		Ours:  measure.Side{Name: "quartet", Open: client(p.Rounds, ourClient(p, webWidth))},
		Peers: []measure.Side{{Name: "net/http", Goal: 0.95, Open: client(p.Rounds, netHTTP(p, 0))}},
	}, nil
}

// webDownload writes a body of 256 MiB to a file in memory.
func webDownload(ctx context.Context, f *fixtures) (measure.Case, error) {
	if _, err := f.big(); err != nil {
		return measure.Case{}, err
	}
	server, err := f.nginx(ctx)
	if err != nil {
		return measure.Case{}, err
	}
	name, err := f.memory("download")
	if err != nil {
		return measure.Case{}, err
	}
	url := server.URL + "/big"
	digest := measure.Blocks(slices.Repeat([][]byte{pattern(1 << 20)}, bigBytes>>20)).Digest
	return measure.Case{
		Unit: measure.Millis, N: bigBytes, Want: func(n int) measure.Work { return measure.Work{Count: n, Digest: digest} },
		Ours: measure.Side{Name: "quartet", Open: measure.With(func(context.Context, int) (measure.Round, func() error, error) {
			s, err := aiohttp.NewSession(nil)
			if err != nil {
				return nil, nil, err
			}
			return func(ctx context.Context) (measure.Result, error) {
				return rival.Downloaded(name, func() error { return download(ctx, s, url, name) })
			}, s.Close, nil
		})},
		Peers: []measure.Side{
			{Name: "net/http and os.File", Goal: 0.95, Open: rival.Download(url, name)},
			{Name: "aiohttp and aiofiles on uvloop", Goal: 1.3, Open: peer.Python("web.py", "download", url, name)},
		},
	}, nil
}

func download(ctx context.Context, s *aiohttp.Session, url, name string) error {
	resp, err := s.Get(ctx, url, nil)
	if err != nil {
		return err
	}
	defer resp.Close()
	f, err := aiofiles.Open(ctx, name, "wb", nil)
	if err != nil {
		return err
	}
	defer f.Close()
	for chunk, err := range resp.Chunks(ctx, 1<<20) {
		if err != nil {
			return err
		}
		if _, err := f.Write(ctx, chunk); err != nil {
			return err
		}
	}
	return f.Close()
}

const (
	limitRequests = 10_000
	limitWidth    = 100
)

// webLimit starts 10,000 requests at once, of which 100 may be in flight.
func webLimit(ctx context.Context, f *fixtures) (measure.Case, error) {
	p, err := f.webPage(ctx, false)
	if err != nil {
		return measure.Case{}, err
	}
	p.Width = limitRequests // each in a goroutine of its own
	return measure.Case{
		Unit: measure.MicrosEach, N: limitRequests, Want: p.Work,
		Ours:  measure.Side{Name: "quartet", Open: client(p.Rounds, ourClient(p, limitWidth))},
		Peers: []measure.Side{{Name: "net/http MaxConnsPerHost", Goal: 1, Open: client(p.Rounds, netHTTP(p, limitWidth))}},
	}, nil
}

// webLimitSlowest is the same, and how many times as long as the median the
// slowest of them took.
func webLimitSlowest(ctx context.Context, f *fixtures) (measure.Case, error) {
	const limit = 2
	p, err := f.webPage(ctx, false)
	if err != nil {
		return measure.Case{}, err
	}
	p.Width = limitRequests
	slowest := func(connect func() (rival.Get, func() error, error)) func(context.Context, int) (measure.Runner, error) {
		return measure.With(func(_ context.Context, n int) (measure.Round, func() error, error) {
			get, free, err := connect()
			if err != nil {
				return nil, nil, err
			}
			return func(ctx context.Context) (measure.Result, error) { return slowestOfMedian(ctx, p, get, n) }, free, nil
		})
	}
	return measure.Case{
		Unit: measure.Unit{Name: "× median", Scale: 1}, N: limitRequests, Want: p.Work,
		Ours: measure.Side{Name: "quartet", Open: slowest(ourClient(p, limitWidth))},
		Peers: []measure.Side{
			{Name: "limit", Goal: 1, Open: measure.Limit(limit, p.Work)},
			{Name: "net/http MaxConnsPerHost", Open: slowest(netHTTP(p, limitWidth))},
		},
	}, nil
}

func slowestOfMedian(ctx context.Context, p *rival.Page, get rival.Get, n int) (measure.Result, error) {
	var mu sync.Mutex
	took := make([]time.Duration, 0, n)
	_, done, err := rival.Gets(ctx, n, n, func(ctx context.Context) error {
		start := time.Now()
		err := get(ctx)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(start))
		return err
	})
	if err != nil {
		return measure.Result{}, err
	}
	slices.Sort(took)
	return measure.Result{Amount: float64(took[n-1]) / float64(took[n/2]), Work: p.Work(done)}, nil
}

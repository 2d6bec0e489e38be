// Package fetch is the main job of quartet: it fetches many URLs at once, writes
// each to a file, and works on each file in a process that can be stopped.
//
// Each package does its part: the items are tasks of an asyncio loop, an aiohttp
// session downloads them, aiofiles writes them, and a multiprocessing pool works on
// the files.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/cmd/quartet/internal/filename"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
	"github.com/quartet-go/quartet/cmd/quartet/internal/urllist"
	"github.com/quartet-go/quartet/multiprocessing"
)

// ErrDrained is the cause that ends the items which run when the grace after
// [Fetcher.Drain] is over.
var ErrDrained = errors.New("stopped early")

// A Fetcher does one job.
type Fetcher struct {
	opts      Options
	report    *report.Reporter
	claims    *filename.Claims
	connector *aiohttp.Connector
	session   *aiohttp.Session
	pool      *multiprocessing.Pool // nil without work

	drained chan struct{}
	drain   sync.Once
}

// New returns a fetcher that tells rep what becomes of each item.
func New(rep *report.Reporter, opts Options) *Fetcher {
	opts.setDefaults()
	return &Fetcher{
		opts:    opts,
		report:  rep,
		claims:  filename.NewClaims(opts.Dir),
		drained: make(chan struct{}),
	}
}

// Drain makes Run take no more items and end those that run when the grace is
// over. It does not wait.
func (f *Fetcher) Drain() { f.drain.Do(func() { close(f.drained) }) }

// Run fetches the items of list. The items that failed are told of in the
// records alone; the error is why the job as a whole did not end well: the list
// could not be read, the records not written, the folder not made, or the cause
// of ctx.
//
// A second Run at the same time in the same folder, by whatever process, is an
// error, so that no two items write to one file.
func (f *Fetcher) Run(ctx context.Context, list *urllist.Reader) error {
	unlock, err := f.prepare()
	if err != nil {
		return err
	}
	defer unlock()
	f.connector = aiohttp.NewConnector(&aiohttp.ConnectorOptions{Limit: f.opts.Jobs, PerHost: f.opts.PerHost})
	defer func() { _ = f.connector.Close() }()
	if f.session, err = f.newSession(); err != nil {
		return err
	}
	defer func() { _ = f.session.Close() }()
	if f.hasWork() {
		if f.pool, err = f.newPool(ctx); err != nil {
			return err
		}
		defer f.pool.Terminate()
	}
	_, err = asyncio.Run(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, f.runItems(ctx, list)
	}, &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{
		Watchdog: -1, // it is for who writes tasks, and a busy machine wakes it too
	}})
	return err
}

// prepare makes the folder and locks it.
func (f *Fetcher) prepare() (unlock func(), err error) {
	if err := os.MkdirAll(f.opts.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("making the folder: %w", err)
	}
	dir, err := os.Open(f.opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder: %w", err)
	}
	if err := lock(dir); err != nil {
		_ = dir.Close()
		return nil, fmt.Errorf("%s: %w", f.opts.Dir, err)
	}
	return func() { _ = dir.Close() }, nil
}

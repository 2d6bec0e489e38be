package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/cmd/quartet/internal/filename"
	"github.com/quartet-go/quartet/cmd/quartet/internal/urllist"
)

// An item is one URL and the name that its file has unless the server gives it
// another.
type item struct {
	urllist.Item
	name string
	err  error // why there is no name
}

// runItems runs opts.Jobs tasks that take the items in turn, and returns when all
// have ended.
func (f *Fetcher) runItems(ctx context.Context, list *urllist.Reader) error {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	feeding, stopFeeding := context.WithCancel(running)
	defer stopFeeding()
	go func() {
		select {
		case <-f.drained:
			stopFeeding()
			grace := time.AfterFunc(f.opts.Grace, func() { stop(ErrDrained) })
			context.AfterFunc(running, func() { grace.Stop() })
		case <-running.Done():
		}
	}()

	items, listErr := f.feed(feeding, list)
	err := asyncio.WithGroup(running, nil, func(_ context.Context, g *asyncio.TaskGroup) error {
		for range f.opts.Jobs {
			asyncio.Start(g, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, f.takeItems(ctx, feeding, items)
			})
		}
		return nil
	})
	if failed, ok := errors.AsType[*asyncio.TaskError](err); ok {
		return failed.Err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(err, listErr())
}

// takeItems is one task: it does one item after the other.
func (f *Fetcher) takeItems(ctx, feeding context.Context, items <-chan item) error {
	for {
		it, ok, err := asyncio.Receive(feeding, items)
		if !ok || err != nil || feeding.Err() != nil {
			return nil // no more items
		}
		if err := f.tell(ctx, f.do(ctx, it)); err != nil {
			return err
		}
	}
}

// feed gives out the items of list until it ends or ctx does. Names are given
// in the order of the list, so that the same list gives the same names. What
// ended the list is known when the items have.
func (f *Fetcher) feed(ctx context.Context, list *urllist.Reader) (<-chan item, func() error) {
	items := make(chan item, 64)
	var listErr error
	go func() {
		defer close(items)
		for {
			next, err := list.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					listErr = fmt.Errorf("reading the list: %w", err)
				}
				return
			}
			it := item{Item: next}
			if next.URL != nil {
				it.name, it.err = f.claims.Claim(filename.FromURL(next.URL))
			}
			select {
			case items <- it:
			case <-ctx.Done():
				return
			}
		}
	}()
	return items, func() error {
		select {
		case _, open := <-items:
			if !open {
				return listErr
			}
		default:
		}
		return nil // it goes on, and nobody asks for what it will find
	}
}

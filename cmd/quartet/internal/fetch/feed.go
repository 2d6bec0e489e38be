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

// runItems makes a task of each item, at most opts.Jobs at a time, and returns
// when all have ended.
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
	free := newPlaces(f.opts.Jobs)
	var tellErr error
	for free.take(feeding) == nil {
		it, ok := receive(feeding, items)
		if !ok {
			free.give()
			break
		}
		asyncio.Go(running, func(ctx context.Context) (struct{}, error) {
			defer free.give()
			if err := f.tell(ctx, f.do(ctx, it)); err != nil {
				tellErr = err
				stop(err)
			}
			return struct{}{}, nil
		})
	}
	for range f.opts.Jobs { // all tasks have ended when all places are free
		if err := free.take(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	stopFeeding()
	switch {
	case tellErr != nil:
		return tellErr
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return listErr()
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

// receive returns the next item, and false at their end or at that of ctx.
func receive(ctx context.Context, items <-chan item) (item, bool) {
	select {
	case it, ok := <-items:
		return it, ok && ctx.Err() == nil
	default:
	}
	type received struct {
		item
		ok bool
	}
	next, err := asyncio.ToThread(ctx, func(ctx context.Context) (received, error) {
		select {
		case it, ok := <-items:
			return received{it, ok}, nil
		case <-ctx.Done():
			return received{}, nil
		}
	})
	return next.item, err == nil && next.ok
}

// places are how many tasks of one loop may run. One task takes them.
type places struct {
	free  int
	freed *asyncio.Future[struct{}] // done when free grows; nil if nobody waits
}

func newPlaces(n int) *places { return &places{free: n} }

// take waits for a free place and takes it.
func (p *places) take(ctx context.Context) error {
	for p.free == 0 {
		loop, err := asyncio.RunningLoop()
		if err != nil {
			return err
		}
		p.freed = asyncio.NewFuture[struct{}](loop)
		if _, err := asyncio.Await(ctx, p.freed); err != nil {
			return err
		}
	}
	p.free--
	return nil
}

func (p *places) give() {
	p.free++
	if p.freed != nil {
		_ = p.freed.SetResult(struct{}{})
		p.freed = nil
	}
}

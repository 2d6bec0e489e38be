package asyncio

import (
	"context"
	"errors"
	"time"
)

// ReturnWhen says when [Wait] returns.
type ReturnWhen int

const (
	// AllCompleted waits for all.
	AllCompleted ReturnWhen = iota
	// FirstCompleted waits for one.
	FirstCompleted
	// FirstException waits for one to fail, else for all. A cancelled one has not failed.
	FirstException
)

// WaitOptions configures [Wait]. A nil pointer or a zero field means the default.
type WaitOptions struct {
	// Timeout ends the wait. Default: none. Negative: look, and do not wait.
	Timeout time.Duration
	// When says what to wait for. Default: [AllCompleted].
	When ReturnWhen
}

// A WaitResult tells those that are done from the others, both in the order
// they were given.
type WaitResult[F any] struct {
	Done, Pending []F
}

// Wait waits for tasks or futures. It cancels none of them, and how they ended
// is not its error: that is ctx's, or says that there is nothing to wait for.
//
// Python: asyncio.wait.
func Wait[F interface {
	comparable
	Done() bool
	core() *futureCore
}](ctx context.Context, futs []F, opts *WaitOptions) (WaitResult[F], error) {
	var res WaitResult[F]
	if len(futs) == 0 {
		return res, errors.New("asyncio: Wait for an empty set")
	}
	if opts == nil {
		opts = &WaitOptions{}
	}
	err := waitFor(ctx, futs, *opts)
	seen := make(map[F]bool, len(futs))
	for _, f := range futs {
		switch {
		case seen[f]:
		case f.Done():
			res.Done = append(res.Done, f)
		default:
			res.Pending = append(res.Pending, f)
		}
		seen[f] = true
	}
	return res, err
}

func waitFor[F interface {
	Done() bool
	core() *futureCore
}](ctx context.Context, futs []F, opts WaitOptions) error {
	enough := enoughFor(opts.When)
	left := len(futs)
	for _, f := range futs {
		if f.Done() {
			left--
			if enough(f.core()) {
				return nil
			}
		}
	}
	if left == 0 {
		return nil
	}
	cur := current()
	g := newGathering(cur, futs, enough)
	defer g.forget()
	if opts.Timeout == 0 {
		return g.enough.waitOn(ctx, cur, g)
	}
	err := WithTimeout(ctx, opts.Timeout, func(ctx context.Context, _ *Timeout) error {
		return g.enough.waitOn(ctx, cur, g)
	})
	if err == ErrTimeout {
		return nil
	}
	return err
}

func enoughFor(when ReturnWhen) func(*futureCore) bool {
	switch when {
	case FirstCompleted:
		return func(*futureCore) bool { return true }
	case FirstException:
		return func(c *futureCore) bool { return c.failed != nil && !c.isCancelled() }
	default:
		return func(*futureCore) bool { return false }
	}
}

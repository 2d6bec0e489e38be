package asyncio

import (
	"context"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// A blocker is what a task waits for.
type blocker interface{ String() string }

type blockerName string

func (b blockerName) String() string { return string(b) }

const (
	external   blockerName = "outside" // what is no loop's: only a wake or ctx ends it
	sleeping   blockerName = "sleep"
	allBlocked blockerName = "all tasks to wait"
)

// Sleep waits for d. In a task, a d that is not positive gives all that are
// ready one turn. The error is that of ctx, if it ended before.
//
// Python: asyncio.sleep.
func Sleep(ctx context.Context, d time.Duration) error {
	f := currentOf(ctx)
	switch t := f.task(); {
	case f == nil:
		return sleepHere(ctx, d)
	case t == nil:
		return ErrWouldBlock
	case d <= 0:
		if ctx.Err() != nil || t.doom() != nil {
			return f.interrupted(ctx)
		}
		f.loop.ready.push(t)
		f.suspend()
		if ctx.Err() != nil || t.doom() != nil {
			return f.interrupted(ctx)
		}
		return nil
	default:
		return f.sleep(ctx, t, d)
	}
}

func (f *fiber) sleep(ctx context.Context, t *taskCore, d time.Duration) error {
	if ctx.Err() != nil || t.doom() != nil {
		return f.interrupted(ctx)
	}
	l := f.loop
	w := t.wait()
	tm := &f.co.timer
	tm.when, tm.due, tm.gen = l.Time()+d, t, w.gen
	l.timers.add(tm)
	f.park(ctx, sleeping)
	if l.timers.remove(tm) {
		return f.interrupted(ctx)
	}
	return nil
}

func sleepHere(ctx context.Context, d time.Duration) error {
	if err := park.Cause(ctx); err != nil || d <= 0 {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return park.Cause(ctx)
	}
}

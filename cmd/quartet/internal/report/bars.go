package report

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

const (
	maxBars   = 6                      // more would push each other about
	barsAfter = 700 * time.Millisecond // a shorter transfer shows no bar
	barsEvery = 100 * time.Millisecond // how often one is told of progress
)

// bars are the lines at the bottom of a terminal: one of totals, and one for
// each of the transfers that last. A nil *bars shows nothing.
type bars struct {
	*mpb.Progress
	total  *mpb.Bar
	totals atomic.Pointer[Totals]

	mu    sync.Mutex // guards following
	shown int
}

func newBars(terminal io.Writer) *bars {
	b := &bars{Progress: mpb.New(mpb.WithOutput(terminal), mpb.WithWidth(40))}
	b.totals.Store(new(Totals))
	b.total = b.New(0, mpb.NopStyle(), mpb.BarPriority(maxBars), mpb.PrependDecorators(
		decor.Any(func(decor.Statistics) string {
			t := b.totals.Load()
			return fmt.Sprintf("%d done, %d failed, %s, ", t.Done, t.Failed, bytesText(float64(t.Bytes)))
		}), decor.Elapsed(decor.ET_STYLE_GO)))
	return b
}

func (b *bars) count(t Totals) {
	if b != nil {
		b.totals.Store(&t)
	}
}

// close takes the bars off the terminal.
func (b *bars) close() {
	if b != nil {
		b.total.Abort(true)
		b.Wait()
	}
}

// A Transfer is one download as the bars show it. One goroutine uses it.
type Transfer struct {
	bars  *bars
	name  string
	began time.Time
	told  time.Time
	bar   *mpb.Bar // nil until it is shown
}

// Transfer returns what to tell of the download of name. Its owner calls End.
func (r *Reporter) Transfer(name string) *Transfer {
	if r.bars == nil {
		return nil
	}
	return &Transfer{bars: r.bars, name: oneLine(name), began: time.Now()}
}

// Progress tells that n of total bytes are there; total is 0 if it is not known.
// A nil transfer ignores it.
func (t *Transfer) Progress(n, total int64) {
	if t == nil {
		return
	}
	now := time.Now()
	if now.Sub(t.began) < barsAfter || now.Sub(t.told) < barsEvery {
		return
	}
	t.told = now
	if t.bar == nil {
		t.bar = t.bars.show(t.name, total)
	}
	if t.bar != nil {
		t.bar.SetCurrent(n)
	}
}

// End takes the transfer off the terminal.
func (t *Transfer) End() {
	if t == nil || t.bar == nil {
		return
	}
	t.bar.Abort(true)
	t.bars.mu.Lock()
	defer t.bars.mu.Unlock()
	t.bars.shown--
}

// show returns a new bar, or nil if there are enough.
func (b *bars) show(name string, total int64) *mpb.Bar {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown == maxBars {
		return nil
	}
	b.shown++
	// One more than total, so that the bar is completed by End alone.
	return b.New(max(total, 0)+1, mpb.BarStyle(),
		mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.CountersKiloByte("% .1f / % .1f")))
}

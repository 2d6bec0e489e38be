package asyncio

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A watchdog is a goroutine that finds out that a step of its loop does not end.
// It marks the loop at each tick, and each step wipes the mark off: a mark that
// stood for a whole tick is a step that lasts too long. While the loop sleeps so
// does the watchdog.
type watchdog struct {
	loop   *Loop
	limit  time.Duration
	mark   atomic.Bool
	dozing atomic.Bool   // it waits for kick
	kick   chan struct{} // the loop wakes up
	quit   chan struct{}
	gone   chan struct{}
}

// startWatchdog starts a watchdog over l's run, unless it is to have none.
func (l *Loop) startWatchdog() {
	if l.opts.Watchdog < 0 || l.opts.Clock != nil {
		return
	}
	w := &watchdog{
		loop: l, limit: l.opts.Watchdog,
		kick: make(chan struct{}, 1), quit: make(chan struct{}), gone: make(chan struct{}),
	}
	l.dog = w
	go w.watch()
}

func (w *watchdog) stop() {
	close(w.quit)
	<-w.gone
}

// alive wipes the mark off.
func (w *watchdog) alive() {
	if w != nil && w.mark.Load() {
		w.mark.Store(false)
	}
}

// awake tells a dozing watchdog that the loop goes on.
func (w *watchdog) awake() {
	if w != nil && w.dozing.Load() && w.dozing.CompareAndSwap(true, false) {
		select {
		case w.kick <- struct{}{}:
		default:
		}
	}
}

func (w *watchdog) watch() {
	defer close(w.gone)
	tick := time.NewTimer(w.limit)
	defer tick.Stop()
	last := time.Now()
	var c count
	w.mark.Store(true)
	for {
		select {
		case <-tick.C:
		case <-w.quit:
			return
		}
		now := time.Now()
		late := now.Sub(last)-w.limit > w.limit/4
		last = now
		if w.loop.asleep.Load() {
			if !w.doze() {
				return
			}
			c, last = count{}, time.Now()
			w.mark.Store(true)
		} else {
			stood := w.mark.Load()
			if c.tick(stood, late) {
				w.report(time.Duration(c.marked) * w.limit)
			}
			if !stood {
				w.mark.Store(true)
			}
		}
		tick.Reset(w.limit)
	}
}

// A count is of ticks that the mark has stood. A tick that comes late says that
// the machine is short of time, and then so may the loop's goroutine be: only
// the last of some in a row counts.
type count struct{ marked, late int }

// tick counts one more, and reports whether it is time to look at the loop.
func (c *count) tick(stood, late bool) bool {
	const patience = 5
	switch {
	case !stood:
		*c = count{}
		return false
	case late && c.late < patience:
		c.late++
		return false
	}
	c.late = 0
	c.marked++
	return c.marked == 1 || c.marked%10 == 0
}

// doze waits until the loop is awake, and reports false when it is over.
func (w *watchdog) doze() bool {
	w.dozing.Store(true)
	if !w.loop.asleep.Load() {
		w.dozing.Store(false)
		return true
	}
	select {
	case <-w.kick:
		return true
	case <-w.quit:
		return false
	}
}

const (
	unknown  = "unknown"       // where a step is in none of the user's code
	patience = 2 * time.Second // how long such a step may last unreported
)

func (w *watchdog) report(for_ time.Duration) {
	where, stack := w.loop.culprit()
	if !w.mark.Load() || where == unknown && for_ < patience {
		return // the step ended meanwhile, or its thread got no CPU time
	}
	who := "a callback"
	if t := w.loop.active.Load(); t != nil {
		who = "task '" + t.Name() + "'"
	}
	w.loop.logger().Warn("event loop is blocked", "for", "at least "+for_.String(), "by", who, "at", where, "stack", stack)
}

const loopLabel = "asyncio.loop"

var loopNumbers atomic.Int64

// label marks the calling goroutine as one of l's, for culprit.
func (l *Loop) label() {
	if l.labels == nil {
		l.labels = pprof.WithLabels(context.Background(), pprof.Labels(loopLabel, l.number()))
	}
	pprof.SetGoroutineLabels(l.labels)
}

func (l *Loop) number() string {
	return strconv.FormatInt(l.id, 10)
}

// culprit returns the line of the user's code that runs in l's step, and the
// stack of its goroutine.
func (l *Loop) culprit() (where, stack string) {
	var dump bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&dump, 1)
	s := suspects{mark: fmt.Sprintf("%q:%q", loopLabel, l.number()), callback: l.active.Load() == nil}
	for block := range strings.SplitSeq(dump.String(), "\n\n") {
		if frames := parseStack(block); len(frames) > 0 {
			s.add(block, frames)
		}
	}
	where = unknown
	var b strings.Builder
	for _, f := range s.best() {
		if strings.HasPrefix(f.fn, "runtime.") {
			continue
		}
		if where == unknown && isUsers(f.fn) && !isStd(f) {
			where = f.file[strings.LastIndex(f.file, "/")+1:] + " in " + path.Base(f.fn)
		}
		b.WriteString(f.fn + "\n\t" + f.file + "\n")
	}
	return where, b.String()
}

// suspects are the goroutines that may be making the step of a loop.
type suspects struct {
	mark     string // the label of the loop's goroutines
	callback bool   // it is a step of a callback
	pulls    bool   // a task of the loop is in the next of an iterator that is not ours
	ranked   [6][]stackFrame
}

// add looks at one goroutine.
func (s *suspects) add(block string, frames []stackFrame) {
	mine := strings.Contains(block, s.mark)
	task := has(frames, "(*coro).runTask")
	switch {
	case has(frames, "(*watchdog).report"):
	case s.callback:
		if has(frames, "(*Loop).guard") && !suspended(frames) {
			s.ranked[2] = frames
		}
	case suspended(frames):
		s.pulls = s.pulls || mine && task && pullsByItself(frames)
	case mine && has(frames, ".Pull2["):
		s.ranked[5] = frames
	case mine && task:
		s.ranked[4] = frames
	case task && !strings.Contains(block, loopLabel):
		s.ranked[3] = frames // the user changed the labels
	case mine && rawPull(frames):
		s.ranked[1] = frames // it has its task's labels, as what a task starts by go has too
	}
}

// best returns the stack of the likeliest, or nil.
func (s *suspects) best() []stackFrame {
	if !s.pulls {
		s.ranked[1] = nil
	}
	for _, frames := range slices.Backward(s.ranked[:]) {
		if frames != nil {
			return frames
		}
	}
	return nil
}

// pullsByItself reports whether a goroutine that waits in package iter was
// brought there by the user's code and not by ours.
func pullsByItself(frames []stackFrame) bool {
	for _, f := range frames {
		if !strings.HasPrefix(f.fn, "iter.") && !strings.HasPrefix(f.fn, "runtime.") {
			return isUsers(f.fn)
		}
	}
	return false
}

// suspended reports whether the goroutine of frames has yielded, or resumed another.
func suspended(frames []stackFrame) bool {
	top := frames[0].fn
	return strings.HasPrefix(top, "iter.Pull") || has(frames[:1], "(*coro).startHandoff.func")
}

// rawPull reports whether the goroutine of frames is a coroutine of iter.Pull.
func rawPull(frames []stackFrame) bool {
	return slices.ContainsFunc(frames, func(f stackFrame) bool { return strings.HasPrefix(f.fn, "iter.Pull") })
}

type stackFrame struct{ fn, file string }

// parseStack reads one goroutine of a goroutine profile with debug=1.
func parseStack(block string) []stackFrame {
	var frames []stackFrame
	for line := range strings.Lines(block) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) < 4 || fields[0] != "#" {
			continue
		}
		fn := fields[2]
		if i := strings.LastIndex(fn, "+0x"); i >= 0 {
			fn = fn[:i]
		}
		frames = append(frames, stackFrame{fn, strings.TrimSpace(fields[len(fields)-1])})
	}
	return frames
}

func has(frames []stackFrame, fn string) bool {
	for _, f := range frames {
		if strings.HasPrefix(f.fn, modulePath+"asyncio.") && strings.Contains(f.fn, fn) {
			return true
		}
	}
	return false
}

// stdRoot is where the standard library was built from.
var stdRoot = func() string {
	f := runtime.FuncForPC(uintptr(placeOf(time.Now)))
	file, _ := f.FileLine(f.Entry())
	return strings.TrimSuffix(file, "time/time.go")
}()

// isStd reports whether f is the standard library's.
func isStd(f stackFrame) bool {
	if stdRoot != "" {
		return strings.HasPrefix(f.file, stdRoot)
	}
	first, _, _ := strings.Cut(f.fn, "/")
	return !strings.HasPrefix(f.fn, "main.") && !strings.Contains(strings.SplitN(first, "(", 2)[0], ".")
}

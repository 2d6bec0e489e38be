package asyncio

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// originDepth is how many frames of its creation a task keeps in debug mode.
const originDepth = 10

// noteOrigin keeps the stack of t's creation, in debug mode.
func (t *taskCore) noteOrigin() {
	if !t.ctx.loop.opts.Debug {
		return
	}
	pcs := make([]uintptr, originDepth+8)
	pcs = pcs[:runtime.Callers(3, pcs)]
	t.extra().origin = &pcs
}

// originFrames returns the user's frames of the creation of t, the innermost first.
func (t *taskCore) originFrames() []runtime.Frame {
	m := t.more.Load()
	if m == nil || m.origin == nil {
		return nil
	}
	frames := usersFrames(*m.origin)
	return frames[:min(len(frames), originDepth)]
}

// createdAt returns " created at main.go:7" in debug mode.
func (t *taskCore) createdAt() string {
	if frames := t.originFrames(); len(frames) > 0 {
		return " created at " + fileLine(frames[0].File, frames[0].Line)
	}
	return ""
}

// originStack returns the stack of the creation of t as text, in debug mode.
func (t *taskCore) originStack() string {
	var b strings.Builder
	for _, f := range t.originFrames() {
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f seconds", d.Seconds()) }

// slow logs a callback that ran too long, in debug mode.
func (l *Loop) slow(where place, start time.Time) {
	if ran := time.Since(start); ran >= l.opts.SlowStep {
		l.logger().Warn("Executing <Handle " + where.name() + "() at " + where.line() + "> took " + seconds(ran))
	}
}

// Debug reports whether l is in debug mode.
func (l *Loop) Debug() bool { return l.opts.Debug }

package asyncio

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// name returns the name of the function, as main.request or main.(*Site).load.
func (p place) name() string {
	f := runtime.FuncForPC(uintptr(p))
	if f == nil {
		return "?"
	}
	name := strings.TrimSuffix(f.Name(), "-fm")
	return name[strings.LastIndex(name, "/")+1:]
}

// line returns where the function is defined, as main.go:7.
func (p place) line() string {
	f := runtime.FuncForPC(uintptr(p))
	if f == nil {
		return "?:0"
	}
	file, line := f.FileLine(uintptr(p))
	return fileLine(file, line)
}

func fileLine(file string, line int) string {
	return filepath.Base(file) + ":" + strconv.Itoa(line)
}

// String returns what Python prints for t, as
// <Task pending name='Task-1' coro=<main.request() running at main.go:7>>.
// The line is that of the definition before the start, and that of the await
// while t is suspended.
func (t *Task[T]) String() string {
	state, value, cbs, err := t.fut.look()
	var b strings.Builder
	b.WriteString("<Task " + t.statusWord(state))
	fmt.Fprintf(&b, " name='%s' coro=<%s() ", t.Name(), t.where.name())
	if state != pending {
		b.WriteString("done, defined at " + t.where.line() + ">")
	} else {
		b.WriteString("running at " + t.line() + ">")
	}
	b.WriteString(outcome(state, value, err))
	if on := t.waitsFor(); on != "" {
		b.WriteString(" wait_for=" + on)
	}
	b.WriteString(cbs + t.createdAt() + ">")
	return b.String()
}

func (t *Task[T]) statusWord(state int32) string {
	if state == pending && t.ctx.over() {
		return "cancelling"
	}
	return stateWord(state)
}

func stateWord(state int32) string {
	return [...]string{"pending", "cancelled", "finished"}[state]
}

// String returns <Future pending cb=[...]> or <Future finished result=1>.
func (f *Future[T]) String() string {
	state, value, cbs, err := f.look()
	return "<Future " + stateWord(state) + outcome(state, value, err) + cbs + ">"
}

// look returns what there is to print of f.
func (f *Future[T]) look() (state int32, value any, cbs string, err error) {
	f.home.mu.Lock()
	defer f.home.mu.Unlock()
	if f.isDone() {
		value, err = f.value, f.err()
	}
	return f.state.Load(), value, f.callbacks(), err
}

// callbacks returns " cb=[...]", at most two of them and the number of the
// others. The lock is held.
func (c *futureCore) callbacks() string {
	var all []string
	if c.first.n != nil {
		all = append(all, c.first.String())
	}
	if c.rest != nil {
		for _, w := range *c.rest {
			all = append(all, w.String())
		}
	}
	switch n := len(all); {
	case n == 0:
		return ""
	case n > 2:
		all = []string{all[0], fmt.Sprintf("<%d more>", n-2), all[n-1]}
	}
	return " cb=[" + strings.Join(all, ", ") + "]"
}

func (w watcher) String() string {
	switch n := w.n.(type) {
	case *taskCore:
		return "Task.wakeup()"
	case *callback:
		return n.user.name() + "() at " + n.user.line()
	case *gathering:
		return "gather()"
	case stopper:
		return "RunUntilComplete()"
	}
	return "goroutine"
}

func outcome(state int32, value any, err error) string {
	switch {
	case state != finished:
		return ""
	case err != nil:
		return " exception=" + errorRepr(err)
	}
	return " result=" + valueRepr(value)
}

func errorRepr(err error) string {
	name := reflect.TypeOf(err).String()
	name = name[strings.LastIndex(name, ".")+1:]
	return name + "(" + shorten("'"+firstLine(err.Error())+"'") + ")"
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func valueRepr(v any) string {
	switch v := v.(type) {
	case nil, struct{}:
		return "None"
	case string:
		return shorten("'" + v + "'")
	case error:
		return errorRepr(v)
	}
	return shorten(fmt.Sprint(v))
}

// shorten leaves out the middle of what is long.
func shorten(s string) string {
	const limit, head, tail = 60, 28, 29
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:head]) + "..." + string(r[len(r)-tail:])
}

// waitsFor returns the future that t waits for, as far as the caller may know.
func (t *taskCore) waitsFor() string {
	if !t.readable() {
		return ""
	}
	c, ok := t.blocker().(*futureCore)
	if !ok {
		return ""
	}
	c.home.mu.Lock()
	defer c.home.mu.Unlock()
	kind := "Future"
	if c.task != nil {
		kind = "Task"
	}
	name := ""
	if c.task != nil {
		name = " name='" + c.task.Name() + "'"
	}
	return "<" + kind + " " + stateWord(c.state.Load()) + name + c.callbacks() + ">"
}

// readable reports whether the caller may read what is the loop's own: it is on
// the loop, or the loop does not run.
func (t *taskCore) readable() bool {
	return current().on(t.ctx.loop) || !t.ctx.loop.running.Load()
}

// line returns where t is: at its definition before it started, else at its await.
func (t *taskCore) line() string {
	if !t.readable() || t.coro() == nil {
		return t.where.line()
	}
	frames := t.frames()
	entry := runtime.FuncForPC(uintptr(t.where))
	for _, f := range frames {
		if f.Func != nil && f.Func.Entry() == entry.Entry() {
			return fileLine(f.File, f.Line)
		}
	}
	if len(frames) > 0 {
		return fileLine(frames[0].File, frames[0].Line)
	}
	return t.where.line()
}

// awaitLine returns the innermost line of the user that t is at.
func (t *taskCore) awaitLine() string {
	if frames := t.frames(); len(frames) > 0 {
		return fileLine(frames[0].File, frames[0].Line)
	}
	return t.where.line()
}

// frames returns the frames of the user that t is in, the innermost first. Only
// a suspended task and the caller itself can be looked at.
func (t *taskCore) frames() []runtime.Frame {
	var pcs [64]uintptr
	n := 0
	switch {
	case t == current().task():
		n = runtime.Callers(2, pcs[:])
	default:
		c := t.coro()
		if c == nil || !c.parked {
			break
		}
		c.look(func() { n = runtime.Callers(2, pcs[:]) })
	}
	return usersFrames(pcs[:n])
}

// usersFrames returns the frames of pcs that are the user's.
func usersFrames(pcs []uintptr) []runtime.Frame {
	var frames []runtime.Frame
	it := runtime.CallersFrames(pcs)
	for len(pcs) > 0 {
		f, more := it.Next()
		if isUsers(f.Function) {
			frames = append(frames, f)
		}
		if !more {
			break
		}
	}
	return frames
}

const modulePath = "github.com/quartet-go/quartet/"

// isUsers reports whether fn is neither ours nor the runtime's.
func isUsers(fn string) bool {
	for _, own := range [...]string{
		"", "asyncio.", "internal/", "aiohttp.", "aiofiles.", "multiprocessing.",
	} {
		if own != "" && strings.HasPrefix(fn, modulePath+own) {
			return false
		}
	}
	return fn != "" && !strings.HasPrefix(fn, "runtime.") && !strings.HasPrefix(fn, "iter.")
}

// newPanic returns v as a PanicError.
func newPanic(where string, v any, stack []byte) *PanicError {
	if err, ok := v.(error); ok {
		if p, ok := errors.AsType[*PanicError](err); ok {
			return p
		}
	}
	return &PanicError{Task: where, Value: v, Stack: stack}
}

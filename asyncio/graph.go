package asyncio

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
)

// A CallGraph is who awaits whom in a loop, at one moment.
type CallGraph struct {
	// Tasks are the tasks that are not done, in the order of creation.
	Tasks []CallGraphTask
}

// A CallGraphTask is one task of a [CallGraph].
type CallGraphTask struct {
	// Task is the task.
	Task AnyTask
	// Frames are the user's frames it is in, the innermost first. A task that has
	// not started has none.
	Frames []runtime.Frame
	// WaitsFor says what it waits for; empty if it does not.
	WaitsFor string
	// Awaits are the tasks it waits for, as indices of Tasks.
	Awaits []int
	// AwaitedBy are the tasks that wait for it, as indices of Tasks.
	AwaitedBy []int
}

// CaptureCallGraph returns the call graph of l. From another goroutine it waits
// until l's step has ended; the error is that of ctx.
//
// Python: asyncio.capture_call_graph.
func (l *Loop) CaptureCallGraph(ctx context.Context) (*CallGraph, error) {
	var g *CallGraph
	err := l.ask(ctx, func() { g = l.capture() })
	return g, err
}

func (l *Loop) capture() *CallGraph {
	g := &CallGraph{}
	index := make(map[*taskCore]int)
	for i, t := range l.AllTasks() {
		index[t.task()] = i
		g.Tasks = append(g.Tasks, CallGraphTask{Task: t})
	}
	for i := range g.Tasks {
		node := &g.Tasks[i]
		t := node.Task.task()
		node.Frames = t.frames()
		if !t.suspended || t.blocker() == nil {
			continue
		}
		node.WaitsFor = t.blocker().String()
		d, ok := t.blocker().(dependent)
		if !ok {
			continue
		}
		on, _ := d.dependsOn()
		for _, o := range on {
			if j, ok := index[o]; ok {
				node.Awaits = append(node.Awaits, j)
				g.Tasks[j].AwaitedBy = append(g.Tasks[j].AwaitedBy, i)
			}
		}
	}
	return g
}

// PrintCallGraph writes the call graph of l to w as a tree: below each task come
// those it awaits. A task that is awaited by several is written out once.
//
// Python: asyncio.print_call_graph, and python -m asyncio pstree.
func (l *Loop) PrintCallGraph(ctx context.Context, w io.Writer) error {
	g, err := l.CaptureCallGraph(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, g.String())
	return err
}

// String returns the tree that [Loop.PrintCallGraph] writes.
func (g *CallGraph) String() string {
	p := graphPrinter{g: g, seen: make([]bool, len(g.Tasks))}
	for i, t := range g.Tasks {
		if len(t.AwaitedBy) == 0 {
			p.print(i, "")
		}
	}
	for i := range g.Tasks { // what is left are cycles
		if !p.seen[i] {
			p.print(i, "")
		}
	}
	return p.b.String()
}

type graphPrinter struct {
	g    *CallGraph
	seen []bool
	b    strings.Builder
}

func (p *graphPrinter) print(i int, indent string) {
	t := &p.g.Tasks[i]
	name := t.Task.Name()
	if p.seen[i] {
		fmt.Fprintf(&p.b, "%s* Task %q (above)\n", indent, name)
		return
	}
	p.seen[i] = true
	where := t.Task.task().where
	fmt.Fprintf(&p.b, "%s* Task %q %s()", indent, name, where.name())
	if t.WaitsFor != "" && len(t.Awaits) == 0 {
		fmt.Fprintf(&p.b, " waits for %s", t.WaitsFor)
	}
	p.b.WriteByte('\n')
	for _, f := range t.Frames {
		fmt.Fprintf(&p.b, "%s  | %s %s()\n", indent, fileLine(f.File, f.Line), f.Function[strings.LastIndex(f.Function, "/")+1:])
	}
	for _, j := range t.Awaits {
		p.print(j, indent+"    ")
	}
}

// ask calls f where what is l's own may be read: on l, or in place of its run.
func (l *Loop) ask(ctx context.Context, f func()) error {
	if currentOf(ctx).on(l) {
		f()
		return nil
	}
	if l.askIdle(f) {
		return nil
	}
	answered := NewFuture[struct{}](l)
	if _, err := l.CallSoonThreadsafe(func() {
		f()
		answered.SetResult(struct{}{})
	}); err != nil {
		return err
	}
	_, err := Await(ctx, answered)
	return err
}

// askIdle calls f if l does not run, and holds up a run that begins meanwhile.
func (l *Loop) askIdle(f func()) bool {
	l.runMu.Lock()
	defer l.runMu.Unlock()
	if l.running.Load() {
		return false
	}
	f()
	return true
}

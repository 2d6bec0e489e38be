package asyncio

import (
	"fmt"
	"strings"
	"time"
)

// A DeadlockError is the error of tasks that wait for one another. Each of them
// gets it once, from the wait that would never have ended.
type DeadlockError struct {
	// Graph says, one line a task, who waits for whom.
	Graph string
}

// Error returns the graph.
func (e *DeadlockError) Error() string { return "asyncio: deadlock\n" + e.Graph }

// A dependent is a blocker that ends by the doing of certain tasks only.
type dependent interface {
	blocker
	// dependsOn returns those tasks, and false if others may end it as well.
	dependsOn() ([]*taskCore, bool)
}

func (c *futureCore) dependsOn() ([]*taskCore, bool) {
	if c.task != nil {
		return []*taskCore{c.task}, true
	}
	return nil, false
}

func (g *gathering) dependsOn() ([]*taskCore, bool) {
	var tasks []*taskCore
	for _, n := range g.futs {
		if n.isDone() {
			continue
		}
		if n.task == nil {
			return nil, false
		}
		tasks = append(tasks, n.task)
	}
	return tasks, true
}

func (l *Lock) dependsOn() ([]*taskCore, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return []*taskCore{l.owner}, l.owner != nil
}

func (g *TaskGroup) dependsOn() ([]*taskCore, bool) {
	var tasks []*taskCore
	for _, t := range g.Tasks() {
		tasks = append(tasks, t.task())
	}
	return tasks, len(tasks) > 0
}

// deadlockAfter is how long a loop is idle before it looks for a deadlock.
const (
	deadlockAfter        = 100 * time.Millisecond
	deadlockAfterVirtual = time.Second // of real time
)

// mayDeadlock reports whether nothing that l knows of will wake it.
func (l *Loop) mayDeadlock() bool {
	return l.outside == 0 && !l.searched && len(l.timers.heap) == 0 && !l.signals.any() && l.anyTask()
}

// breakDeadlock fails the waits of tasks that wait for one another, and reports
// whether there were any. On a virtual clock nothing else can happen any more,
// so all tasks are such.
func (l *Loop) breakDeadlock() bool {
	l.searched = true
	stuck := l.stuck(l.opts.Clock != nil && !l.opts.Clock.manual)
	if len(stuck) == 0 {
		return false
	}
	var b strings.Builder
	for _, t := range stuck {
		fmt.Fprintf(&b, "task '%s' at %s waits for %s\n", t.Name(), t.awaitLine(), describeBlocker(t.blocker()))
	}
	err := &DeadlockError{Graph: b.String()}
	l.logger().Error("deadlock", "graph", err.Graph)
	for _, t := range stuck {
		t.co.Load().fault = err
		t.wakeNow(t.gen)
	}
	return true
}

func describeBlocker(b blocker) string {
	d, ok := b.(dependent)
	if c, future := b.(*futureCore); !ok || future && c.task != nil {
		return b.String()
	}
	var names []string
	tasks, _ := d.dependsOn()
	for _, t := range tasks {
		names = append(names, "'"+t.Name()+"'")
	}
	return b.String() + " of " + strings.Join(names, ", ")
}

// stuck returns the suspended tasks that only suspended tasks could wake; with
// closed, all suspended tasks.
func (l *Loop) stuck(closed bool) []*taskCore {
	var waiting []*taskCore
	in := make(map[*taskCore][]*taskCore)
	for _, a := range l.AllTasks() {
		t := a.task()
		if !t.suspended || t.blocker() == external {
			continue
		}
		if closed {
			waiting = append(waiting, t)
			in[t] = nil
			continue
		}
		d, ok := t.blocker().(dependent)
		if !ok {
			continue
		}
		if on, ok := d.dependsOn(); ok {
			waiting = append(waiting, t)
			in[t] = on
		}
	}
	for again := !closed; again; {
		again = false
		for t, on := range in {
			for _, o := range on {
				if _, stuck := in[o]; !stuck {
					delete(in, t)
					again = true
					break
				}
			}
		}
	}
	var stuck []*taskCore
	for _, t := range waiting {
		if _, ok := in[t]; ok {
			stuck = append(stuck, t)
		}
	}
	return stuck
}

package multiprocessing

import (
	"slices"
	"time"
)

// pooled is what a [Pool] keeps with a task; guarded by the pool's mu but for what
// is set before the pool knows the task.
type pooled struct {
	arg      payload // encoded
	ready    bool    // arg is
	fd       int     // of the arg's buffer, if it has one
	size     int     // of it
	again    bool    // it was taken before and runs again
	id       uint64
	inside   bool
	worker   *worker     // that holds it, or nil
	recalled bool        // it was asked back
	stopping bool        // it is being stopped
	timer    *time.Timer // of its timeout, then of its being stopped
}

// dispatch hands pending tasks to workers that have room. The caller holds mu.
func (p *Pool) dispatch() {
	for p.pending.len() > 0 {
		w := p.choose()
		if w == nil || len(w.queue) > 0 {
			p.replace() // there is work for one more
		}
		if w == nil {
			return
		}
		t := p.pending.popFront()
		if t.Settled() {
			p.leave(t)
			continue
		}
		w.assign(t)
	}
}

// choose returns the worker to get the next task, or nil if none has room: an
// idle one first, else the one with the least to do. The caller holds mu.
func (p *Pool) choose() *worker {
	var best *worker
	for _, w := range p.workers {
		switch n := len(w.queue); {
		case w.leaving || w.stopping > 0 || n >= w.window:
		case n == 0:
			return w
		case best == nil || n < len(best.queue):
			best = w
		}
	}
	return best
}

// balance asks for tasks back that wait behind another in one worker while
// another has nothing to do. The caller holds mu.
func (p *Pool) balance() {
	if p.pending.len() > 0 {
		return
	}
	idle := 0
	var busiest *worker
	for _, w := range p.workers {
		if !w.leaving && w.stopping == 0 && len(w.queue) == 0 {
			idle++
		}
		if len(w.queue) > 1 && w.recalled == 0 && (busiest == nil || len(w.queue) > len(busiest.queue)) {
			busiest = w
		}
	}
	if idle == 0 || busiest == nil {
		return
	}
	busiest.recall(busiest.queue[(len(busiest.queue)+1)/2:])
}

// deque is a queue of tasks whose both ends are open.
type deque struct {
	tasks []*Task
	head  int
}

func (d *deque) len() int { return len(d.tasks) - d.head }

func (d *deque) pushBack(t *Task) {
	if d.head > 32 && d.head > len(d.tasks)/2 {
		d.tasks = slices.Delete(d.tasks, 0, d.head)
		d.head = 0
	}
	d.tasks = append(d.tasks, t)
}

func (d *deque) pushFront(tasks ...*Task) {
	d.tasks = slices.Concat(tasks, d.tasks[d.head:])
	d.head = 0
}

func (d *deque) popFront() *Task {
	t := d.tasks[d.head]
	d.tasks[d.head] = nil
	d.head++
	if d.head == len(d.tasks) {
		d.tasks, d.head = d.tasks[:0], 0
	}
	return t
}

func (d *deque) takeAll() []*Task {
	all := slices.Clone(d.tasks[d.head:])
	d.tasks, d.head = nil, 0
	return all
}

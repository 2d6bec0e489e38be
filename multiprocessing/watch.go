package multiprocessing

import (
	"context"
	"sync"
)

// A ctxWatch aborts tasks when the ctx that ends their work does. The tasks of one
// ctx share it, since thousands of registrations at one ctx are slow.
type ctxWatch struct {
	ctx context.Context

	mu    sync.Mutex // guards following, and prev and next of its tasks
	tasks *Task      // the last one
	ended bool
}

// watched is what a task keeps of its watch.
type watched struct {
	by         *ctxWatch
	prev, next *Task
}

// watch has t aborted when ctx ends. It reports false if t is settled with that already.
func (t *Task) watch(ctx context.Context) bool {
	if ctx.Done() == nil {
		return true
	}
	if err := ended(ctx); err != nil {
		t.refuse(err)
		return false
	}
	if t.ex.Callbacks().watchOf(ctx).add(t) {
		return true
	}
	t.refuse(ended(ctx))
	return false
}

// watchOf returns a watch of ctx: the last one, if it was of the same.
func (c *Callbacks) watchOf(ctx context.Context) *ctxWatch {
	if w := c.lastWatch.Load(); w != nil && w.ctx.Done() == ctx.Done() {
		return w
	}
	w := &ctxWatch{ctx: ctx}
	context.AfterFunc(ctx, w.end)
	c.lastWatch.Store(w)
	return w
}

func (w *ctxWatch) add(t *Task) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return false
	}
	t.watched = watched{by: w, prev: w.tasks}
	if w.tasks != nil {
		w.tasks.watched.next = t
	}
	w.tasks = t
	return true
}

// unwatch ends the watch over a task that was settled.
func (t *Task) unwatch() {
	w := t.watched.by
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	prev, next := t.watched.prev, t.watched.next
	if next != nil {
		next.watched.prev = prev
	} else {
		w.tasks = prev
	}
	if prev != nil {
		prev.watched.next = next
	}
	t.watched.prev, t.watched.next = nil, nil
}

func (w *ctxWatch) end() {
	w.mu.Lock()
	w.ended = true
	var all []*Task
	for t := w.tasks; t != nil; t = t.watched.prev {
		all = append(all, t)
	}
	w.tasks = nil
	w.mu.Unlock()
	err := ended(w.ctx)
	for i := len(all) - 1; i >= 0; i-- { // as they were submitted
		all[i].abort(err)
	}
}

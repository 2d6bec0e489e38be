package multiprocessing

import (
	"slices"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/internal/frame"
)

// expire ends t, which w holds, if its time is over.
func (w *worker) expire(t *Task) {
	p := w.pool
	p.mu.Lock()
	i := slices.Index(w.queue, t)
	if i < 0 || w.dead || t.Settled() {
		p.mu.Unlock()
		return
	}
	left := t.timeout
	if task, at := w.lastStart(); task == t.pooled.id {
		left = t.timeout - time.Since(at)
	}
	if left > 0 {
		t.arm(left, func() { w.expire(t) })
		p.mu.Unlock()
		return
	}
	// The task may be run again while this run of it is being stopped, so
	// something else stands for it in the worker.
	t.disarm()
	rest := &Task{fn: t.fn, pooled: t.pooled}
	t.pooled.arg, t.pooled.ready = payload{}, false // the worker may still read it
	rest.claim()
	p.open++
	w.queue[i] = rest
	p.detach(t)
	p.counts.timedOut++
	w.stop(rest)
	if w.direct == t {
		w.interrupt()
	}
	p.mu.Unlock()
	t.Fail(t.timeoutError(t.timeout))
	p.mu.Lock()
	p.left(t)
	p.mu.Unlock()
}

// stop has w stop t, which is settled: by its ctx, then by a signal, then by
// killing the process. What waits behind it goes to other workers. The caller
// holds mu.
func (w *worker) stop(t *Task) {
	if w.dead || !slices.Contains(w.queue, t) {
		return
	}
	w.stopping++
	t.pooled.stopping = true
	w.out.add(frame.Header{Kind: frame.Cancel, Task: t.pooled.id})
	w.recall(w.queue)
	if w.direct == t {
		w.interrupt()
	}
	w.escalate(t, w.pool.opts.Grace/2, false)
}

// escalate goes one step further after d if t still runs. The caller holds mu.
func (w *worker) escalate(t *Task, d time.Duration, signalled bool) {
	if d < 0 {
		d, signalled = 0, true
	}
	t.arm(d, func() {
		p := w.pool
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case w.dead || !slices.Contains(w.queue, t):
		case !w.started(t): // the worker will give it back, or begin it after all
			w.escalate(t, max(p.opts.Grace/2, 10*time.Millisecond), signalled)
		case signalled:
			w.kill()
		default:
			_ = w.child.Signal(syscall.SIGTERM)
			w.escalate(t, d, true)
		}
	})
}

// interrupt wakes the Apply whose caller reads. The caller holds mu.
func (w *worker) interrupt() {
	if !w.dead {
		w.woken = true
		_ = w.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// calm undoes interrupt. The caller holds mu and the turn.
func (w *worker) calm() {
	w.direct = nil
	if w.woken && !w.dead {
		w.woken = false
		_ = w.conn.SetReadDeadline(time.Time{})
	}
}

// memoryLook is how often the memory of a worker is looked at whose task is limited.
const memoryLook = 20 * time.Millisecond

// watchMemory kills the worker if it needs more than limit bytes while it runs a task.
func (w *worker) watchMemory(id uint64, limit int64) {
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	for {
		select {
		case <-w.over:
			return
		case <-tick.C:
		}
		w.pool.mu.Lock()
		here := w.holds(id)
		runs := here && w.runs(id)
		w.pool.mu.Unlock()
		if !here {
			return
		}
		if runs && w.child.Memory() > limit {
			w.pool.mu.Lock()
			defer w.pool.mu.Unlock()
			if w.holds(id) && w.runs(id) {
				w.tooLarge = true
				w.kill()
			}
			return
		}
	}
}

// holds reports whether w has the task. The caller holds mu.
func (w *worker) holds(id uint64) bool {
	return slices.ContainsFunc(w.queue, func(t *Task) bool { return t.pooled.id == id })
}

package multiprocessing

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/quartet-go/quartet/internal/frame"
)

// outbox holds what is to be written to a worker by its flush goroutine.
type outbox struct {
	writing sync.Mutex    // held while writing to the connection
	wake    chan struct{} // there is something

	mu  sync.Mutex // guards following
	buf []byte
	fds []int // to go with it
}

// add adds a frame without a body.
func (o *outbox) add(h frame.Header) {
	o.put(nil, func(buf []byte) []byte { return frame.Append(buf, h) })
}

func (o *outbox) addCall(h frame.Header, t *Task, fds []int) {
	o.put(fds, func(buf []byte) []byte { return appendCall(buf, h, t) })
}

func (o *outbox) put(fds []int, write func([]byte) []byte) {
	o.mu.Lock()
	o.buf = write(o.buf)
	o.fds = append(o.fds, fds...)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// flush writes what comes into the outbox, as much as there is at a time.
func (w *worker) flush() {
	var spare []byte
	for {
		select {
		case <-w.out.wake:
		case <-w.over:
			return
		}
		w.out.writing.Lock()
		w.out.mu.Lock()
		buf, fds := w.out.buf, w.out.fds
		w.out.buf, w.out.fds = spare[:0], nil
		w.out.mu.Unlock()
		err := sendWith(w.conn, buf, fds)
		w.out.writing.Unlock()
		if err != nil { // the reader will see the end of the connection
			_ = w.conn.SetReadDeadline(time.Now().Add(reportLimit))
			return
		}
		if spare = buf; cap(spare) > 1<<20 {
			spare = nil
		}
	}
}

// readTurns reads while the turn is the worker's own.
func (w *worker) readTurns() {
	for {
		select {
		case <-w.kick:
		case <-w.over:
			return
		}
		for idle := false; !idle; {
			f, err := w.in.Next()
			if err == nil {
				idle, err = w.handle(f)
			}
			if err != nil {
				w.fail(err)
				return
			}
		}
	}
}

// handle takes a frame from the worker and reports whether it was the last that
// there is to wait for: then the turn is given up.
func (w *worker) handle(f frame.Frame) (idle bool, err error) {
	switch f.Kind {
	case frame.Result, frame.Fail:
		return w.answered(f)
	case frame.Return:
		return w.returned(f.Task)
	case frame.Forget:
		w.views.forget(f.Task)
	case frame.Start:
		w.pool.mu.Lock()
		w.begun, w.begunAt = f.Task, time.Now()
		w.pool.mu.Unlock()
	}
	return false, nil
}

// answered settles a task with what its function returned.
func (w *worker) answered(f frame.Frame) (idle bool, err error) {
	var failed failure
	result, once, err := w.views.open(f, f.Body)
	if err != nil {
		return false, err
	}
	defer w.done(result, once)
	if f.Kind == frame.Fail {
		if err := cbor.Unmarshal(f.Body, &failed); err != nil {
			return false, fmt.Errorf("reading a failure: %w", err)
		}
	}
	p := w.pool
	p.mu.Lock()
	t := w.remove(f.Task)
	if t == nil {
		p.mu.Unlock()
		return false, fmt.Errorf("%w: answer to task %d, which the worker does not have", frame.ErrBody, f.Task)
	}
	p.detach(t)
	w.keepPace()
	p.failures = 0
	if f.Kind == frame.Result {
		p.counts.returned++
	} else {
		p.counts.failed++
	}
	if f.Flags&frame.Retire != 0 {
		w.ends()
	}
	p.dispatch()
	p.balance()
	p.mu.Unlock()

	switch {
	case f.Kind == frame.Result:
		t.deliver(result)
	default:
		t.Fail(failed.remote(t.fn.name, w.child.Pid(), t.item(int(f.Aux))))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left(t)
	return w.rest(), nil
}

// done gives back the memory of a result that was decoded.
func (w *worker) done(result payload, once *slot) {
	switch {
	case once != nil:
		once.close()
	case result.slot != nil:
		w.out.add(frame.Header{Kind: frame.Release, Task: result.slot.id})
	}
}

// returned puts a task back that the worker has not begun.
func (w *worker) returned(task uint64) (idle bool, err error) {
	p := w.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	t := w.remove(task)
	if t == nil {
		return false, fmt.Errorf("%w: return of task %d, which the worker does not have", frame.ErrBody, task)
	}
	t.pooled.worker = nil
	p.counts.given++
	switch {
	case t.Settled():
		p.leave(t)
	case p.state == poolRunning || p.state == poolClosing:
		p.pending.pushFront(t)
		w.assigned--
	}
	p.dispatch()
	return w.rest(), nil
}

// remove takes a task from the queue. The caller holds mu.
func (w *worker) remove(task uint64) *Task {
	for i, t := range w.queue {
		if t.pooled.id != task {
			continue
		}
		if i == 0 {
			w.queue[0] = nil
			w.queue = w.queue[1:]
		} else {
			w.queue = slices.Delete(w.queue, i, i+1)
		}
		if t.pooled.recalled {
			t.pooled.recalled = false
			w.recalled--
		}
		t.disarm()
		if t.pooled.stopping {
			t.pooled.stopping = false
			w.stopping--
		}
		return t
	}
	return nil
}

// rest gives up the turn if there is nothing to wait for but the end of a dead
// worker's connection, and has a worker end that is to be replaced. The caller
// holds mu.
func (w *worker) rest() bool {
	if len(w.queue) > 0 || w.dead {
		return false
	}
	w.calm()
	if w.leaving {
		w.exit()
	}
	w.reading = false
	return true
}

// keepPace measures how long a task takes and has as many wait in the worker as
// make up for the time that messages take. The caller holds mu.
func (w *worker) keepPace() {
	now := time.Now()
	w.lastUse = now
	w.pace += (now.Sub(w.paceFrom) - w.pace) / 8
	w.paceFrom = now
	w.window = int(min(maxWindow, max(minWindow, windowWork/max(1, w.pace))))
}

// applyHere runs t, writing to an idle worker and reading from it on this
// goroutine, and reports false if there is none. Then t is still to be submitted.
func (p *Pool) applyHere(t *Task) bool {
	if p.prepare(t) != nil {
		return false // Submit reports it
	}
	p.mu.Lock()
	w := p.idle()
	if w == nil || p.refuse(t) != nil || !w.out.writing.TryLock() {
		p.mu.Unlock()
		return false
	}
	p.enter(t)
	w.enqueue(t)
	w.reading, w.direct = true, t
	h, fds := w.callHeader(t)
	w.callBuf = appendCall(w.callBuf[:0], h, t) // before t may end and take its argument away
	p.mu.Unlock()

	err := sendWith(w.conn, w.callBuf, fds)
	if cap(w.callBuf) > 1<<20 {
		w.callBuf = nil
	}
	w.out.writing.Unlock()
	if err != nil {
		_ = w.conn.SetReadDeadline(time.Now().Add(reportLimit))
	}
	w.converse(t)
	return true
}

// idle returns a worker that has nothing to do and nobody reads from. The caller
// holds mu.
func (p *Pool) idle() *worker {
	if p.pending.len() > 0 {
		return nil
	}
	for _, w := range p.workers {
		if len(w.queue) == 0 && !w.leaving && !w.reading && w.stopping == 0 {
			return w
		}
	}
	return nil
}

// converse reads until t is no longer in w, then passes on the turn.
func (w *worker) converse(t *Task) {
	for {
		f, err := w.in.Next()
		idle := false
		if err == nil {
			idle, err = w.handle(f)
		}
		if idle && err == nil { // the turn is given up already
			return
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			w.fail(err)
			return
		}
		if passed, alive := w.pass(t, err != nil); passed {
			return
		} else if !alive {
			w.fail(err)
			return
		}
	}
}

// pass gives the turn to the worker's goroutine if t is not in w or its caller was
// interrupted. Alive is false if the deadline that passed had another reason.
func (w *worker) pass(t *Task, deadline bool) (passed, alive bool) {
	p := w.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if deadline && (w.dead || !w.woken) {
		return false, false
	}
	if !deadline && slices.Contains(w.queue, t) {
		return false, true
	}
	w.calm()
	w.kick <- struct{}{}
	return true, true
}

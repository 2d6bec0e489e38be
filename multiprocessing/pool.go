package multiprocessing

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/frame"
)

// Pool runs tasks in worker processes, with [Apply], [Map] and the others.
//
// Each task ends in exactly one way: a value, a [*RemoteError], a [*WorkerError],
// a timeout, a cancellation, or [ErrPoolTerminated]. A worker that dies is
// replaced; its death is the error of the task that it had begun, and of no other.
//
// Tasks wait in the parent, as many as there are; a worker holds a few beside the one
// that it runs, 2 to 128 according to how long they take, and gives them back when
// another has nothing to do. [IMap] bounds what waits.
//
// A pool ends by Close or Terminate; usually by
//
//	defer pool.Terminate()
//
// It is terminated, too, when [Main] ends. Its methods may be called from many
// goroutines.
//
// Python: multiprocessing.pool.Pool. The parameter context is [PoolOptions].Command.
type Pool struct {
	opts      PoolOptions
	callbacks Callbacks
	slots     slots         // of arguments
	ended     chan struct{} // closed when no worker is left and none will come
	forget    func()        // takes back what Main does at its end
	life      context.Context
	die       context.CancelFunc // ends life, and with it starts

	killing sync.Mutex // guards closing worker.killed

	forgets sync.Mutex                  // guards following
	knowers map[uint64]map[*worker]bool // by slot: the workers that have seen it

	mu       sync.Mutex // guards following
	state    poolState
	broken   error // why, in state poolBroken
	pending  deque
	workers  []*worker // serving or to be so again
	starting int
	size     int // the largest number of workers
	open     int // tasks that were taken and have not left
	lastTask uint64
	lastID   int
	janitor  *time.Timer
	counts   counts
	failures int // starts that failed, or were of no use, in a row

	functions map[string]string // of the workers' program: name → digest
}

type poolState int

const (
	poolRunning poolState = iota
	poolClosing
	poolTerminated
	poolBroken
)

// refuse returns nil if a task can be taken; again says that it was once.
func (s poolState) refuse(again bool) error {
	if s == poolRunning || s == poolClosing && again {
		return nil
	}
	if again {
		return ErrPoolTerminated
	}
	return ErrPoolClosed
}

// NewPool starts the workers and returns when all are ready. If one cannot be
// started, or its initializer fails, none is left and the error tells why: a
// [*RemoteError] of the initializer, a [*WorkerError], [ErrMainNotCalled], or what
// the system said. ctx ends the start alone. NewPool panics if a number is
// negative that must not be.
//
// Python: multiprocessing.Pool. Differs: it does not return before the workers
// are ready, and a failed initializer is an error, not a loop.
func NewPool(ctx context.Context, opts *PoolOptions) (*Pool, error) {
	p := &Pool{ended: make(chan struct{}), knowers: map[uint64]map[*worker]bool{}}
	p.slots.forget = p.forgetSlot
	p.life, p.die = context.WithCancel(context.Background())
	if opts != nil {
		p.opts = *opts
	}
	if err := p.opts.complete(); err != nil {
		return nil, err
	}
	p.forget = here.atEnd(p.Terminate)
	n := p.opts.MinWorkers
	p.size, p.starting = p.opts.Workers, n
	errs := make(chan error, n)
	for range n {
		go p.startWorker(ctx, errs)
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
			p.end(poolTerminated, nil)
		}
	}
	if first != nil {
		<-p.ended
		return nil, fmt.Errorf("multiprocessing: starting a pool: %w", first)
	}
	return p, nil
}

// Workers returns how many tasks run at once, when there are so many.
func (p *Pool) Workers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size
}

// Callbacks returns what runs the callbacks of this pool's results.
func (p *Pool) Callbacks() *Callbacks { return &p.callbacks }

// Pids returns the process ids of the workers that serve.
func (p *Pool) Pids() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pids []int
	for _, w := range p.workers {
		pids = append(pids, w.child.Pid())
	}
	return pids
}

// Submit implements [Executor].
func (p *Pool) Submit(t *Task) {
	if err := p.prepare(t); err != nil {
		t.settle(err)
		return
	}
	p.mu.Lock()
	if err := p.refuse(t); err != nil {
		p.mu.Unlock()
		p.spend(t)
		t.settle(err)
		return
	}
	p.enter(t)
	p.pending.pushBack(t)
	p.dispatch()
	p.mu.Unlock()
}

// prepare encodes the argument, which stays for as long as the task may have to
// be sent again.
func (p *Pool) prepare(t *Task) (err error) {
	if !t.pooled.again { // else the one before may still be looked at
		t.timeout = cmp.Or(t.timeout, p.opts.TaskTimeout)
		t.memory = cmp.Or(t.memory, p.opts.TaskMemory)
	}
	if t.pooled.ready {
		return nil
	}
	if t.pooled.arg, err = t.encode(&p.slots); err != nil {
		return err
	}
	if b := t.pooled.arg.buffer; b != nil {
		if t.pooled.fd, t.pooled.size, err = b.share(); err != nil {
			return fmt.Errorf("%s: %w", t.fn.name, &encodingError{"argument", err})
		}
	}
	t.pooled.ready = true
	return nil
}

// forgetSlot has the workers forget a slot.
func (p *Pool) forgetSlot(id uint64) {
	p.forgets.Lock()
	defer p.forgets.Unlock()
	for w := range p.knowers[id] {
		w.out.add(frame.Header{Kind: frame.Forget, Task: id})
	}
	delete(p.knowers, id)
}

// knows reports whether w has seen a slot, which it has from then on.
func (p *Pool) knows(w *worker, id uint64) bool {
	p.forgets.Lock()
	defer p.forgets.Unlock()
	if p.knowers[id][w] {
		return true
	}
	if p.knowers[id] == nil {
		p.knowers[id] = map[*worker]bool{}
	}
	p.knowers[id][w] = true
	return false
}

// unknow forgets what a dead worker has seen.
func (p *Pool) unknow(w *worker) {
	p.forgets.Lock()
	defer p.forgets.Unlock()
	for _, workers := range p.knowers {
		delete(workers, w)
	}
}

// spend gives back the memory of the argument, which will not be sent again.
func (p *Pool) spend(t *Task) {
	if !t.pooled.ready {
		return
	}
	if t.pooled.arg.buffer != nil {
		closeFD(t.pooled.fd)
	}
	p.slots.put(t.pooled.arg.slot)
	t.pooled.arg, t.pooled.ready = payload{}, false
}

// refuse returns why t is not taken. The caller holds mu.
func (p *Pool) refuse(t *Task) error {
	err := p.state.refuse(t.pooled.again)
	switch {
	case err != nil && p.broken != nil:
		err = p.broken
	case err == nil && len(p.opts.Command) > 0: // another program
		if digest, ok := p.functions[t.fn.name]; !ok {
			err = ErrNotRegistered
		} else if digest != t.fn.digest {
			err = ErrSignature
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.fn.name, err)
	}
	return nil
}

// enter counts a task that was taken. The caller holds mu.
func (p *Pool) enter(t *Task) {
	p.open++
	p.lastTask++
	t.pooled.id, t.pooled.inside = p.lastTask, true
}

// leave counts a task that is settled and in no worker. The caller holds mu.
func (p *Pool) leave(t *Task) {
	if t.pooled.inside {
		p.detach(t)
		p.left(t)
	}
}

// detach makes t free to be submitted again, and left counts it once that has
// been done or not: a closed pool does not end in between. The caller holds mu.
func (p *Pool) detach(t *Task) { t.pooled.inside, t.pooled.worker = false, nil }

func (p *Pool) left(t *Task) {
	if !t.pooled.inside {
		p.spend(t)
	}
	p.open--
	p.finishIfDone()
}

// Withdraw implements [Executor].
func (p *Pool) Withdraw(t *Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch w := t.pooled.worker; {
	case w != nil:
		w.stop(t)
	default:
		p.leave(t) // it is pending, and will be skipped
	}
}

// Close has the pool take no more tasks. What it took it finishes, and then its
// workers end by themselves. Close may be called again.
//
// Python: Pool.close.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == poolRunning {
		p.state = poolClosing
		p.finishIfDone()
	}
}

// finishIfDone has the workers of a closed pool end when nothing is left to do,
// and ends the pool when no worker is left. The caller holds mu.
func (p *Pool) finishIfDone() {
	if p.state == poolRunning || p.open > 0 && p.state == poolClosing {
		return
	}
	for _, w := range p.workers {
		w.exit()
	}
	if len(p.workers) > 0 || p.starting > 0 || isClosed(p.ended) {
		return
	}
	close(p.ended)
	p.die()
	p.slots.close()
	if p.janitor != nil {
		p.janitor.Stop()
	}
	go p.forget()
}

// Terminate ends all tasks with [ErrPoolTerminated], kills the workers with all
// their descendants, and waits until they are gone. It may be called at any
// time, again too.
//
// Python: Pool.terminate, and leaving a with statement.
func (p *Pool) Terminate() {
	p.end(poolTerminated, nil)
	_ = waitFor(context.Background(), p.ended)
}

// end kills all workers and fails all tasks.
func (p *Pool) end(state poolState, why error) {
	p.die()
	p.mu.Lock()
	if p.state == poolRunning || p.state == poolClosing {
		p.state, p.broken = state, why
	}
	if why == nil {
		why = ErrPoolTerminated
	}
	tasks := p.pending.takeAll()
	for _, t := range tasks {
		p.leave(t)
	}
	for _, w := range p.workers {
		tasks = append(tasks, w.queue...)
		w.kill()
	}
	p.finishIfDone()
	p.mu.Unlock()
	for _, t := range tasks {
		t.settle(fmt.Errorf("%s: %w", t.fn.name, why))
	}
}

// Join waits until all tasks are done, their callbacks have returned and the
// workers are gone. Before Close or Terminate it returns [ErrPoolRunning], in a
// callback [ErrInCallback]. ctx ends the wait.
//
// Python: Pool.join, which has no limit.
func (p *Pool) Join(ctx context.Context) error {
	p.mu.Lock()
	state := p.state
	p.mu.Unlock()
	return joinPool(ctx, state, &p.callbacks, p.ended)
}

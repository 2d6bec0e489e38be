package multiprocessing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// PoolOptions configures a [Pool]. A nil pointer or a zero field means the default.
type PoolOptions struct {
	// Workers is the number of worker processes. Default: [CPUCount].
	Workers int
	// Initializer is called in each worker before its first task, for example
	// openTable.With("prices.db"). If it fails, so does the pool. Default: none.
	Initializer Call
	// MaxTasksPerChild is how many tasks a worker runs before it is replaced. A
	// chunk of a map verb counts as one. Default: no limit.
	MaxTasksPerChild int
	// TaskTimeout is how long a task may run whose own options do not say. See
	// [MapOptions].Timeout. Default: no limit.
	TaskTimeout time.Duration
	// Grace is how long a worker that was asked to stop may take before it is
	// killed. Default: 1s. Negative: kill at once.
	Grace time.Duration
	// Command is the program that the workers run, with its arguments: another
	// one that calls [Main]. Default: this one.
	Command []string
	// Env is added to this process's environment for the workers, as KEY=value.
	// GOMAXPROCS is max(1, CPUs / Workers) unless Env says otherwise.
	Env []string
	// Dir is the working directory of the workers. Default: this process's own.
	Dir string
}

// Pool runs tasks in worker processes, with [Apply], [Map] and the others.
//
// Each task ends in exactly one way: a value, a [*RemoteError], a [*WorkerError],
// a timeout, a cancellation, or [ErrPoolTerminated]. A worker that dies is
// replaced; its death is the error of the task that it had begun, and of no other.
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
	ended     chan struct{} // closed when no worker is left and none will come
	forget    func()        // takes back what Main does at its end
	life      context.Context
	die       context.CancelFunc // ends life, and with it starts

	killing sync.Mutex // guards closing worker.killed

	mu       sync.Mutex // guards following
	state    poolState
	broken   error // why, in state poolBroken
	pending  deque
	workers  []*worker // serving or to be so again
	starting int
	open     int // tasks that were taken and have not left
	lastTask uint64
	lastID   int
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

// maxFailures is how many starts in a row may fail before the pool is broken.
const maxFailures = 5

// NewPool starts the workers and returns when all are ready. If one cannot be
// started, or its initializer fails, none is left and the error tells why: a
// [*RemoteError] of the initializer, a [*WorkerError], [ErrMainNotCalled], or what
// the system said. ctx ends the start alone. NewPool panics if a number is
// negative that must not be.
//
// Python: multiprocessing.Pool. Differs: it does not return before the workers
// are ready, and a failed initializer is an error, not a loop.
func NewPool(ctx context.Context, opts *PoolOptions) (*Pool, error) {
	p := &Pool{ended: make(chan struct{})}
	p.life, p.die = context.WithCancel(context.Background())
	if opts != nil {
		p.opts = *opts
	}
	if err := p.opts.complete(); err != nil {
		return nil, err
	}
	p.forget = here.atEnd(p.Terminate)
	n := p.opts.Workers
	p.starting = n
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

func (o *PoolOptions) complete() error {
	if o.Workers < 0 || o.MaxTasksPerChild < 0 {
		panic(fmt.Sprintf("multiprocessing: NewPool: %d workers, %d tasks per child", o.Workers, o.MaxTasksPerChild))
	}
	if o.Workers == 0 {
		o.Workers = CPUCount()
	}
	if o.Grace == 0 {
		o.Grace = time.Second
	}
	o.Command, o.Env = slices.Clone(o.Command), slices.Clone(o.Env)
	if err := o.Initializer.err; err != nil {
		return fmt.Errorf("multiprocessing: initializer: %w", &encodingError{"argument", err})
	}
	return nil
}

// Workers returns how many tasks run at once.
func (p *Pool) Workers() int { return p.opts.Workers }

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
	if t.timeout == 0 {
		t.timeout = p.opts.TaskTimeout
	}
	if t.pooled.arg == nil {
		t.pooled.codec, t.pooled.arg, err = t.Encode(nil)
	}
	return err
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
		p.left()
	}
}

// detach makes t free to be submitted again, and left counts it once that has
// been done or not: a closed pool does not end in between. The caller holds mu.
func (p *Pool) detach(t *Task) { t.pooled.inside, t.pooled.worker = false, nil }

func (p *Pool) left() {
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
	if len(p.workers) > 0 || p.starting > 0 {
		return
	}
	select {
	case <-p.ended:
	default:
		close(p.ended)
		p.die()
		go p.forget()
	}
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
		for _, t := range w.queue {
			tasks = append(tasks, t)
		}
		w.kill(nil)
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

// startWorker starts one of the workers that p.starting counts, and then watches
// over it until it is gone. The outcome of the start goes to errs, if there is one.
func (p *Pool) startWorker(ctx context.Context, errs chan<- error) {
	p.mu.Lock()
	p.lastID++
	w := newWorker(p, p.lastID)
	stopped := p.state == poolTerminated || p.state == poolBroken
	p.mu.Unlock()
	err := ErrPoolTerminated
	if !stopped {
		p.backOff()
		err = w.start(ctx)
	}
	p.mu.Lock()
	p.starting--
	if err != nil {
		p.failures++
		if errs == nil && (p.failures >= maxFailures || errors.Is(err, errInitializer)) {
			go p.end(poolBroken, fmt.Errorf("%w: %w", ErrPoolBroken, err))
		} else if errs == nil {
			p.replace()
		}
		p.finishIfDone()
		p.mu.Unlock()
		if errs != nil {
			errs <- err
		}
		return
	}
	w.readyAt = time.Now()
	p.functions = w.functions
	p.workers = append(p.workers, w)
	switch p.state {
	case poolTerminated, poolBroken:
		w.kill(nil)
	default:
		p.dispatch()
		p.finishIfDone()
	}
	p.mu.Unlock()
	if errs != nil {
		errs <- nil
	}
	w.watch()
}

// replace starts workers in place of those that are gone, while there is, or may
// be, work for them. The caller holds mu.
func (p *Pool) replace() {
	if p.state != poolRunning && (p.state != poolClosing || p.open == 0) {
		return
	}
	for len(p.workers)+p.starting < p.opts.Workers {
		p.starting++
		go p.startWorker(context.Background(), nil)
	}
}

// backOff waits a little before a start that follows others that failed.
func (p *Pool) backOff() {
	p.mu.Lock()
	d := time.Duration(p.failures) * 50 * time.Millisecond
	p.mu.Unlock()
	if d == 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.life.Done():
	}
}

// diedEarly counts a worker that died by itself, before it began a task and soon
// after it was ready: many in a row break the pool. The caller holds mu.
func (p *Pool) diedEarly(err func() error) {
	if p.failures++; p.failures >= maxFailures {
		go p.end(poolBroken, fmt.Errorf("%w: %w", ErrPoolBroken, err()))
	}
}

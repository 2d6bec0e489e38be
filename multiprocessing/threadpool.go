package multiprocessing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ThreadPoolOptions configures a [ThreadPool]. A nil pointer or a zero field means
// the default.
type ThreadPoolOptions struct {
	// Workers is how many tasks run at once. Default: [CPUCount].
	Workers int
}

// ThreadPool runs tasks on goroutines of this process. It takes the same calls
// as a [Pool] and is good as its double in tests, but it cannot kill: a function
// that does not heed its ctx runs on after its timeout or cancellation. Arguments
// and results are not copied. A task that waits for a result with its own ctx
// lends its place to another, so tasks may use the pool that they run in.
//
// A panic of a function is a [*RemoteError], as in a Pool. Its methods may be
// called from many goroutines.
//
// Python: multiprocessing.pool.ThreadPool.
type ThreadPool struct {
	workers   int
	callbacks Callbacks

	mu      sync.Mutex // guards following
	state   poolState
	queue   []*Task
	running map[*Task]context.CancelCauseFunc
	busy    int // goroutines
	lent    int // of those, in tasks that wait for results
	open    int // tasks that were taken and have not left
	ended   chan struct{}
}

// NewThreadPool returns a pool of goroutines, which exist while there is work. It
// panics if the number of workers is negative.
func NewThreadPool(opts *ThreadPoolOptions) *ThreadPool {
	var o ThreadPoolOptions
	if opts != nil {
		o = *opts
	}
	if o.Workers < 0 {
		panic(fmt.Sprintf("multiprocessing: NewThreadPool: %d workers", o.Workers))
	}
	if o.Workers == 0 {
		o.Workers = CPUCount()
	}
	return &ThreadPool{workers: o.Workers, running: map[*Task]context.CancelCauseFunc{}, ended: make(chan struct{})}
}

// Workers returns how many tasks run at once.
func (p *ThreadPool) Workers() int { return p.workers }

// Callbacks returns what runs the callbacks of this pool's results.
func (p *ThreadPool) Callbacks() *Callbacks { return &p.callbacks }

// Submit implements [Executor].
func (p *ThreadPool) Submit(t *Task) {
	p.mu.Lock()
	if err := p.state.refuse(t.pooled.again); err != nil {
		p.mu.Unlock()
		t.settle(fmt.Errorf("%s: %w", t.fn.name, err))
		return
	}
	p.open++
	p.queue = append(p.queue, t)
	if p.busy < p.workers+p.lent {
		p.busy++
		go p.work()
	}
	p.mu.Unlock()
}

func (p *ThreadPool) work() {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 || p.busy > p.workers+p.lent {
			p.busy--
			p.mu.Unlock()
			return
		}
		t := p.queue[0]
		p.queue[0] = nil
		p.queue = p.queue[1:]
		ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), threadPoolKey{}, p))
		p.running[t] = cancel
		p.mu.Unlock()
		if !t.Settled() {
			p.run(ctx, t, cancel)
		}
		cancel(nil)
		p.mu.Lock()
		delete(p.running, t)
		p.leave()
		p.mu.Unlock()
	}
}

type threadPoolKey struct{} // of a task's ctx; its value is the *ThreadPool

// lend has another task run in place of the one whose ctx this is, while that waits
// for a result, so that tasks may wait for tasks of the same pool. The function it
// returns ends that.
func lend(ctx context.Context) (back func()) {
	p, _ := ctx.Value(threadPoolKey{}).(*ThreadPool)
	if p == nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent++
	if len(p.queue) > 0 {
		p.busy++
		go p.work()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lent--
	}
}

// run runs t, and gives it up when its time is over or it was withdrawn: the
// function then runs on, without holding up this worker.
func (p *ThreadPool) run(ctx context.Context, t *Task, cancel context.CancelCauseFunc) {
	returned := make(chan struct{})
	var over <-chan time.Time
	if t.timeout > 0 {
		timer := time.NewTimer(t.timeout)
		defer timer.Stop()
		over = timer.C
	}
	go func() {
		defer close(returned)
		t.RunHere(ctx)
	}()
	select {
	case <-returned:
	case <-ctx.Done():
	case <-over:
		t.Fail(t.timeoutError(t.timeout))
		cancel(context.DeadlineExceeded)
	}
}

func (t *Task) timeoutError(limit time.Duration) error {
	return fmt.Errorf("%s: ran longer than %v: %w: %w", t.fn.name, limit, ErrTimeout, context.DeadlineExceeded)
}

// Withdraw implements [Executor]: it cancels the ctx of the function.
func (p *ThreadPool) Withdraw(t *Task) {
	p.mu.Lock()
	cancel := p.running[t]
	p.mu.Unlock()
	if cancel != nil {
		cancel(context.Canceled)
	}
}

// leave notes that a task is gone. The caller holds mu.
func (p *ThreadPool) leave() {
	p.open--
	p.finishIfDone()
}

func (p *ThreadPool) finishIfDone() {
	if p.state != poolRunning && p.open == 0 && !isClosed(p.ended) {
		close(p.ended)
	}
}

// Close has the pool take no more tasks. What it took it finishes.
//
// Python: Pool.close.
func (p *ThreadPool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == poolRunning {
		p.state = poolClosing
		p.finishIfDone()
	}
}

// Terminate ends all tasks with [ErrPoolTerminated] and cancels the ctx of those
// that run. It does not wait for them.
//
// Python: Pool.terminate.
func (p *ThreadPool) Terminate() {
	p.mu.Lock()
	p.state = poolTerminated
	var open []*Task
	for t, cancel := range p.running {
		open = append(open, t)
		cancel(ErrPoolTerminated)
	}
	open = append(open, p.queue...)
	p.open -= len(p.queue)
	p.queue = nil // none of them is to begin
	p.finishIfDone()
	p.mu.Unlock()
	for _, t := range open {
		t.settle(fmt.Errorf("%s: %w", t.fn.name, ErrPoolTerminated))
	}
}

// Join waits until all tasks are done and their callbacks have returned. Before
// Close or Terminate it returns [ErrPoolRunning], in a callback [ErrInCallback].
// ctx ends the wait.
//
// Python: Pool.join, which has no limit.
func (p *ThreadPool) Join(ctx context.Context) error {
	p.mu.Lock()
	state := p.state
	p.mu.Unlock()
	return joinPool(ctx, state, &p.callbacks, p.ended)
}

func joinPool(ctx context.Context, state poolState, callbacks *Callbacks, ended <-chan struct{}) error {
	if state == poolRunning {
		return ErrPoolRunning
	}
	if callbacks.onIt() {
		return ErrInCallback
	}
	err := waitFor(ctx, ended)
	if err == nil {
		err = callbacks.wait(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}

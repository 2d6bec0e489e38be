package multiprocessing

import (
	"context"
	"errors"
	"fmt"
	"time"
)

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
		if errs == nil && (p.failures >= p.opts.MaxFailures || errors.Is(err, errInitializer)) {
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
	w.lastUse = w.readyAt
	p.counts.started++
	p.functions = w.functions
	p.workers = append(p.workers, w)
	switch p.state {
	case poolTerminated, poolBroken:
		w.kill()
	default:
		p.keepHouse()
		p.dispatch()
		p.balance()
		p.finishIfDone()
	}
	p.mu.Unlock()
	if errs != nil {
		errs <- nil
	}
	w.watch()
}

// replace starts workers in place of those that are gone, and more of them while
// tasks wait. The caller holds mu.
func (p *Pool) replace() {
	if p.state != poolRunning && (p.state != poolClosing || p.open == 0) {
		return
	}
	want := min(p.size, max(p.opts.MinWorkers, p.present()+p.starting+p.pending.len()))
	if p.state == poolClosing {
		want = min(want, p.open)
	}
	for p.present()+p.starting < want {
		p.starting++
		go p.startWorker(context.Background(), nil)
	}
}

// present returns how many workers serve and will go on to. The caller holds mu.
func (p *Pool) present() (n int) {
	for _, w := range p.workers {
		if !w.leaving {
			n++
		}
	}
	return n
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
	if p.failures++; p.failures >= p.opts.MaxFailures {
		go func() { p.end(poolBroken, fmt.Errorf("%w: %w", ErrPoolBroken, err())) }()
	}
}

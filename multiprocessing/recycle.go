package multiprocessing

import (
	"math/rand/v2"
	"time"
)

// Resize changes the largest number of workers to n, and the smallest if it was
// larger. Workers too many end after what they run. It panics if n is not positive.
//
// Python: none.
func (p *Pool) Resize(n int) {
	if n < 1 {
		panic("multiprocessing: Resize to no worker")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opts.MinWorkers == p.size || p.opts.MinWorkers > n {
		p.opts.MinWorkers = n
	}
	p.size = n
	for extra := p.present() - n; extra > 0; extra-- {
		p.retire(p.leastBusy())
	}
	p.replace()
	p.dispatch()
}

func (p *Pool) leastBusy() (least *worker) {
	for _, w := range p.workers {
		if !w.leaving && (least == nil || len(w.queue) < len(least.queue)) {
			least = w
		}
	}
	return least
}

// retire has a worker end after what it runs. The caller holds mu.
func (p *Pool) retire(w *worker) {
	w.leaving = true
	if len(w.queue) == 0 && !w.reading {
		w.exit()
	} else if len(w.queue) > 1 {
		w.recall(w.queue[1:])
	}
}

// taskLimit draws how many tasks a worker may run, 0 for any number.
func (o *PoolOptions) taskLimit() int {
	if o.MaxTasksPerChild == 0 {
		return 0
	}
	return o.MaxTasksPerChild + rand.IntN(o.TasksJitter+1)
}

// keepHouse begins to look for workers that are to be replaced, if there is a
// reason why they could. The caller holds mu.
func (p *Pool) keepHouse() {
	o := &p.opts
	every := time.Second
	for _, d := range []time.Duration{o.MaxAge, o.MaxIdle} {
		if d > 0 {
			every = max(5*time.Millisecond, min(every, d/4))
		}
	}
	if o.MaxMemory > 0 {
		every = min(every, 100*time.Millisecond)
	}
	if p.janitor != nil || o.MaxAge == 0 && o.MaxIdle == 0 && o.MaxMemory == 0 {
		return
	}
	p.janitor = time.AfterFunc(every, func() { p.clean(every) })
}

// clean retires the workers that are too old, idle or large.
func (p *Pool) clean(every time.Duration) {
	large := p.largeWorkers()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != poolRunning && p.state != poolClosing {
		return
	}
	now := time.Now()
	for _, w := range p.workers {
		idle := len(w.queue) == 0 && p.opts.MaxIdle > 0 && now.Sub(w.lastUse) > p.opts.MaxIdle
		switch {
		case w.leaving:
		case large[w], p.opts.MaxAge > 0 && now.Sub(w.readyAt) > p.opts.MaxAge:
			p.counts.recycled++
			p.retire(w)
		case idle && p.present() > p.opts.MinWorkers:
			p.retire(w)
		}
	}
	p.replace()
	p.janitor.Reset(every)
}

// largeWorkers returns the workers whose memory is beyond MaxMemory.
func (p *Pool) largeWorkers() map[*worker]bool {
	if p.opts.MaxMemory == 0 {
		return nil
	}
	p.mu.Lock()
	workers := append([]*worker(nil), p.workers...)
	p.mu.Unlock()
	large := map[*worker]bool{}
	for _, w := range workers {
		large[w] = w.child.Memory() > p.opts.MaxMemory
	}
	return large
}

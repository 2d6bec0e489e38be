package multiprocessing

import "time"

// PoolStats is what a pool has done so far, and does.
type PoolStats struct {
	Workers  []WorkerStats // that serve, oldest first
	Starting int           // workers that are being started
	Pending  int           // tasks in no worker

	Submitted int64 // tasks that were taken
	Returned  int64 // runs of tasks that ended in a value
	Failed    int64 // in an error or a panic of the function
	Died      int64 // in the death of the worker
	TimedOut  int64 // in a timeout
	Given     int64 // tasks that were given back by a worker before they began
	Started   int64 // workers that were started
	Recycled  int64 // workers that were replaced in order
}

// WorkerStats is what one worker has done so far, and does.
type WorkerStats struct {
	ID      int // from 1, never used again
	Pid     int
	Age     time.Duration
	Tasks   int    // that it was given
	Waiting int    // tasks that wait in it
	Running string // the function that it runs, or empty
}

type counts struct {
	returned, failed, died, timedOut, given, started, recycled int64
}

// Stats returns what the pool has done so far. It does not block.
//
// Python: none.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	s := PoolStats{
		Starting: p.starting, Pending: p.pending.len(), Submitted: int64(p.lastTask),
		Returned: c.returned, Failed: c.failed, Died: c.died, TimedOut: c.timedOut,
		Given: c.given, Started: c.started, Recycled: c.recycled,
	}
	for _, w := range p.workers {
		ws := WorkerStats{ID: w.id, Pid: w.child.Pid(), Age: time.Since(w.readyAt), Tasks: w.assigned, Waiting: len(w.queue)}
		for _, t := range w.queue {
			if w.started(t) {
				ws.Waiting--
				ws.Running = t.fn.name
			}
		}
		s.Workers = append(s.Workers, ws)
	}
	return s
}

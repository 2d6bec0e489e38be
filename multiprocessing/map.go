package multiprocessing

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// MapOptions configures [Map] and [Starmap]. A nil pointer or a zero field means
// the default.
type MapOptions struct {
	// ChunkSize is how many items make one task. Default: so many that each
	// worker gets four tasks. For ApplyAsync it has no meaning.
	ChunkSize int
	// Timeout is how long a task, which is a whole chunk, may run, counted from
	// the start of its execution. At its end the error is there, one that matches [ErrTimeout];
	// behind it the function's ctx is cancelled, after half of
	// [PoolOptions].Grace the worker gets SIGTERM, and after all of it the worker
	// and its whole process tree are killed. Default: [PoolOptions].TaskTimeout.
	Timeout time.Duration
	// Memory is how many bytes the worker and its descendants may use while a task
	// runs, looked at every 20 ms. A worker that needs more is killed; the error is
	// a [*WorkerError] that matches [ErrMemory]. A [ThreadPool] does not look.
	// Default: [PoolOptions].TaskMemory.
	Memory int64
	// Retries is how often a task is run again after an error for which RetryIf
	// is true. It says that the function may run more than once. Default: 0.
	Retries int
	// RetryIf tells for which errors of a task it is run again. Default: for a
	// [*WorkerError] that is not [ErrMemory].
	RetryIf func(error) bool
	// Progress is called after each task with the number of items that are done,
	// well or not, and of all. It must be quick. It is called where callbacks
	// are, before the result is there.
	Progress func(done, total int)
}

// Map calls f with each item of in, on the workers of the executor, and returns
// what it returned, in the order of in. It blocks until all is done; [MapAsync]
// does not.
//
// Items go in chunks, and a failed item ends its chunk. All chunks run even if
// one fails; the error is then that of the first failed item in the order of in,
// and the result is nil.
//
// ctx ends the work. The errors are those of [AsyncResult.Get].
//
// Python: Pool.map. Differs: the error is the first in the order of the input,
// not in time; a chunk size below 0 panics, where Python returns [None].
func Map[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in []In, opts *MapOptions) ([]Out, error) {
	var async *AsyncOptions[[]Out]
	if opts != nil {
		async = &AsyncOptions[[]Out]{
			ChunkSize: opts.ChunkSize, Timeout: opts.Timeout, Memory: opts.Memory,
			Retries: opts.Retries, RetryIf: opts.RetryIf, Progress: opts.Progress,
		}
	}
	r := mapAsync(ctx, ex, f, in, 0, async)
	if err := r.wait(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	return r.value, r.err
}

// MapAsync is [Map] that returns at once. Callbacks get the whole slice, once.
// in may be changed when MapAsync has returned, unless the executor is a
// [ThreadPool].
//
// Python: Pool.map_async.
func MapAsync[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in []In, opts *AsyncOptions[[]Out]) *AsyncResult[[]Out] {
	return mapAsync(ctx, ex, f, in, 0, opts)
}

// Starmap is [Map] for a function of several arguments: [(1, 2), (3, 4)] gives
// [f(1, 2), f(3, 4)].
//
//	sums, err := multiprocessing.Starmap(ctx, pool, add, []multiprocessing.Args2[int, int]{{1, 2}, {3, 4}}, nil)
//
// Python: Pool.starmap.
func Starmap[In Args, Out any](ctx context.Context, ex Executor, f Func[In, Out], in []In, opts *MapOptions) ([]Out, error) {
	return Map(ctx, ex, f, in, opts)
}

// StarmapAsync is [Starmap] that returns at once.
//
// Python: Pool.starmap_async.
func StarmapAsync[In Args, Out any](ctx context.Context, ex Executor, f Func[In, Out], in []In, opts *AsyncOptions[[]Out]) *AsyncResult[[]Out] {
	return mapAsync(ctx, ex, f, in, 0, opts)
}

// defaultChunk is Python's: four tasks a worker, rounded up.
func defaultChunk(items, workers int) int {
	return max(1, (items+4*workers-1)/(4*workers))
}

// mapAsync starts a map verb over in, whose first item has the index first.
func mapAsync[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in []In, first int, opts *AsyncOptions[[]Out]) *AsyncResult[[]Out] {
	var o AsyncOptions[[]Out]
	if opts != nil {
		o = *opts
	}
	if o.ChunkSize < 0 {
		panic(fmt.Sprintf("multiprocessing: chunk size %d", o.ChunkSize))
	}
	if o.ChunkSize == 0 {
		o.ChunkSize = defaultChunk(len(in), ex.Workers())
	}
	m := &mapping[In, Out]{f: f, base: first, progress: o.Progress, total: len(in)}
	m.value = make([]Out, len(in))
	m.chunks = make([]chunk[In, Out], (len(in)+o.ChunkSize-1)/o.ChunkSize)
	m.left = len(m.chunks)
	tasks := make([]*Task, len(m.chunks))
	for i := range m.chunks {
		c := &m.chunks[i]
		lo := i * o.ChunkSize
		c.m, c.in = m, in[lo:min(lo+o.ChunkSize, len(in))]
		c.Task = Task{
			fn: f.registered(), ex: ex, job: c, items: len(c.in), first: first + lo,
			timeout: o.Timeout, memory: o.Memory, retries: o.Retries, retryIf: o.RetryIf,
		}
		tasks[i] = &c.Task
	}
	m.start(ex, &o, tasks...)
	if len(tasks) == 0 {
		m.complete(nil)
	}
	for _, t := range tasks {
		t.submit(ctx)
	}
	return &m.AsyncResult
}

// mapping is a map verb and its result.
type mapping[In, Out any] struct {
	AsyncResult[[]Out]
	f        Func[In, Out]
	base     int // index of the first item
	chunks   []chunk[In, Out]
	progress func(done, total int)
	total    int

	mu    sync.Mutex // guards following
	left  int        // chunks that are not settled
	done  int        // items that are
	first int        // of the chunk that failed first in order
	err   error
}

// chunk is a task of a map verb.
type chunk[In, Out any] struct {
	Task
	m  *mapping[In, Out]
	in []In
}

func (c *chunk[In, Out]) encode(to *slots) (payload, error) { return encode(c.in, nil, to) }

func (c *chunk[In, Out]) decode(result payload) error {
	out, err := decode[[]Out](result)
	if err != nil {
		return err
	}
	if len(out) != c.items {
		return fmt.Errorf("%d results for %d items", len(out), c.items)
	}
	copy(c.m.value[c.first-c.m.base:], out)
	return nil
}

func (c *chunk[In, Out]) runHere(ctx context.Context, at *int) (keep func(), err error) {
	out := make([]Out, len(c.in))
	for i, in := range c.in {
		*at = i
		if out[i], err = c.m.f.f(ctx, in); err != nil {
			return nil, err
		}
	}
	return func() { copy(c.m.value[c.first-c.m.base:], out) }, nil
}

func (c *chunk[In, Out]) finish(err error) {
	m := c.m
	m.mu.Lock()
	if err != nil && (m.err == nil || c.first < m.first) {
		m.err, m.first = err, c.first
	}
	m.left--
	m.done += c.items
	last, done, err := m.left == 0, m.done, m.err
	if m.progress != nil { // in the order of done
		m.cb.run(m.home, func() {
			protect(func() error { m.progress(done, m.total); return nil }, func(err error) { m.spoil("progress", err) })
		})
	}
	m.mu.Unlock()
	if last {
		m.complete(err)
	}
}

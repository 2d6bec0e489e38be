package multiprocessing

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// IMapOptions configures [IMap] and [IMapUnordered]. A nil pointer or a zero field
// means the default.
type IMapOptions struct {
	// ChunkSize is how many items make one task. Default: 1.
	ChunkSize int
	// Window is how many tasks may be under way at once, and so how far the input
	// is read ahead. Default: two for each worker.
	Window int
	// Timeout, Memory, Retries and RetryIf are as in [MapOptions].
	Timeout time.Duration
	Memory  int64
	Retries int
	RetryIf func(error) bool
}

// IMap calls f with each item of in, on the workers of the executor, and yields
// what it returned, in the order of in.
//
// in is read on the goroutine that ranges over the result, and only so far ahead
// as [IMapOptions].Window says; it may be infinite. The sequence is single use.
// Leaving the loop cancels what is under way.
//
// An item that fails yields its error in its place and the sequence goes on; of a
// larger chunk that item's error takes the place of all. When ctx ends, the work
// does: the sequence yields the cause of ctx and is over. It is over, too, after
// [ErrPoolClosed], [ErrPoolTerminated] or [ErrPoolBroken].
//
// Python: Pool.imap with buffersize (3.16), where without it the whole input is
// read at once.
func IMap[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in iter.Seq[In], opts *IMapOptions) iter.Seq2[Out, error] {
	return imap(ctx, ex, f, in, opts, false)
}

// IMapUnordered is [IMap] that yields results as they arrive.
//
// Python: Pool.imap_unordered.
func IMapUnordered[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in iter.Seq[In], opts *IMapOptions) iter.Seq2[Out, error] {
	return imap(ctx, ex, f, in, opts, true)
}

func imap[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in iter.Seq[In], opts *IMapOptions, unordered bool) iter.Seq2[Out, error] {
	var o IMapOptions
	if opts != nil {
		o = *opts
	}
	if o.ChunkSize < 0 || o.Window < 0 {
		panic(fmt.Sprintf("multiprocessing: IMap: chunk size %d, window %d", o.ChunkSize, o.Window))
	}
	o.ChunkSize = max(1, o.ChunkSize)
	if o.Window == 0 {
		o.Window = 2 * ex.Workers()
	}
	return func(yield func(Out, error) bool) {
		s := &stream[Out]{ctx: ctx, yield: yield, unordered: unordered}
		s.arrived.wake = func() {}
		defer s.cancel()
		async := &AsyncOptions[[]Out]{ChunkSize: o.ChunkSize, Timeout: o.Timeout, Memory: o.Memory, Retries: o.Retries, RetryIf: o.RetryIf}
		chunk, first := make([]In, 0, o.ChunkSize), 0
		submit := func() {
			s.add(mapAsync(ctx, ex, f, chunk, first, async))
			first += len(chunk)
			chunk = make([]In, 0, o.ChunkSize)
		}
		for item := range in {
			if chunk = append(chunk, item); len(chunk) < o.ChunkSize {
				continue
			}
			submit()
			for s.open() >= o.Window || s.ready() {
				if !s.next() {
					return
				}
			}
		}
		if len(chunk) > 0 {
			submit()
		}
		for s.open() > 0 {
			if !s.next() {
				return
			}
		}
	}
}

// stream is the results of an imap that have not been yielded, in the order in
// which they will be.
type stream[Out any] struct {
	ctx       context.Context // of the work
	yield     func(Out, error) bool
	unordered bool
	pending   []*AsyncResult[[]Out]
	arrived   arrivals[Out] // where unordered
}

// arrivals collects results as they arrive.
type arrivals[Out any] struct {
	mu   sync.Mutex // guards following
	list []*AsyncResult[[]Out]
	wake func()
}

func (s *stream[Out]) add(r *AsyncResult[[]Out]) {
	s.pending = append(s.pending, r)
	if s.unordered {
		r.whenReady(func() {
			s.arrived.mu.Lock()
			s.arrived.list = append(s.arrived.list, r)
			wake := s.arrived.wake
			s.arrived.mu.Unlock()
			wake()
		})
	}
}

func (s *stream[Out]) open() int { return len(s.pending) }

// ready reports whether next would not wait.
func (s *stream[Out]) ready() bool {
	if !s.unordered {
		return len(s.pending) > 0 && s.pending[0].Ready()
	}
	s.arrived.mu.Lock()
	defer s.arrived.mu.Unlock()
	return len(s.arrived.list) > 0
}

// next waits for a result and yields it. It reports whether to go on.
func (s *stream[Out]) next() bool {
	r := s.take()
	// The ctx of the work ends the wait as well: it settles the result.
	values, err := r.Get(context.WithoutCancel(s.ctx))
	if err != nil {
		return s.yield(*new(Out), err) && !final(err) && s.ctx.Err() == nil
	}
	for _, v := range values {
		if !s.yield(v, nil) {
			return false
		}
	}
	return true
}

func (s *stream[Out]) take() *AsyncResult[[]Out] {
	if !s.unordered {
		r := s.pending[0]
		s.pending = s.pending[1:]
		return r
	}
	_ = park.Wait(context.WithoutCancel(s.ctx), func(wake func()) {
		s.arrived.mu.Lock()
		s.arrived.wake = wake
		some := len(s.arrived.list) > 0
		s.arrived.mu.Unlock()
		if some {
			wake()
		}
	})
	s.arrived.mu.Lock()
	r := s.arrived.list[0]
	s.arrived.list = s.arrived.list[1:]
	s.arrived.mu.Unlock()
	for i, p := range s.pending {
		if p == r {
			s.pending = append(s.pending[:i], s.pending[i+1:]...)
			break
		}
	}
	return r
}

// cancel gives up what is under way.
func (s *stream[Out]) cancel() {
	for _, r := range s.pending {
		r.Cancel(nil)
	}
}

package multiprocessing

import (
	"context"

	"github.com/quartet-go/quartet/internal/park"
)

// Apply calls f with in on the executor and returns what it returns. It blocks
// until then; [ApplyAsync] does not.
//
// ctx ends the work: when it ends, Apply returns at once and the function is
// stopped, as [AsyncOptions].Timeout tells. The errors are those of
// [AsyncResult.Get].
//
// Python: Pool.apply. There keyword arguments are a dict, here a struct.
func Apply[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in In) (Out, error) {
	s := newSingle(ex, f, in)
	if !s.watch(ctx) {
		return s.value, s.err
	}
	if p, ok := ex.(*Pool); !ok || park.Current() != nil || !p.applyHere(&s.Task) {
		ex.Submit(&s.Task)
	}
	if err := s.wait(context.WithoutCancel(ctx)); err != nil {
		return *new(Out), err
	}
	return s.value, s.err
}

// ApplyAsync calls f with in on the executor and returns at once.
//
// ctx ends the work, as in [Apply]; ctx of Get and Wait end the wait alone. What
// in refers to may be changed when ApplyAsync has returned, unless the executor
// is a [ThreadPool].
//
// Python: Pool.apply_async.
func ApplyAsync[In, Out any](ctx context.Context, ex Executor, f Func[In, Out], in In, opts *AsyncOptions[Out]) *AsyncResult[Out] {
	s := newSingle(ex, f, in)
	if opts != nil {
		s.timeout, s.memory, s.retries, s.retryIf = opts.Timeout, opts.Memory, opts.Retries, opts.RetryIf
	}
	s.start(ex, opts, &s.Task)
	s.submit(ctx)
	return &s.AsyncResult
}

// start fills in what the result needs of the options.
func (r *AsyncResult[T]) start(ex Executor, opts *AsyncOptions[T], tasks ...*Task) {
	r.tasks = tasks
	if opts != nil && (opts.Callback != nil || opts.ErrorCallback != nil || opts.Progress != nil) {
		r.callback, r.errorCallback = opts.Callback, opts.ErrorCallback
		r.cb = ex.Callbacks()
		r.home, _ = park.Current().(poster)
	}
}

// single is one call and its result.
type single[In, Out any] struct {
	Task
	AsyncResult[Out]
	f  Func[In, Out]
	in In
}

func newSingle[In, Out any](ex Executor, f Func[In, Out], in In) *single[In, Out] {
	s := &single[In, Out]{f: f, in: in}
	s.fn, s.ex, s.job = f.registered(), ex, s
	return s
}

func (f Func[In, Out]) registered() *function {
	if f.fn == nil {
		panic("multiprocessing: call of a Func that Register did not return")
	}
	return f.fn
}

func (s *single[In, Out]) encode(to *slots) (payload, error) { return encode(s.in, nil, to) }

func (s *single[In, Out]) decode(result payload) (err error) {
	s.value, err = decode[Out](result)
	return err
}

func (s *single[In, Out]) runHere(ctx context.Context, _ *int) (keep func(), err error) {
	out, err := s.f.f(ctx, s.in)
	return func() { s.value = out }, err
}

func (s *single[In, Out]) finish(err error) { s.complete(err) }

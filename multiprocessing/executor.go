package multiprocessing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/internal/codec"
	"github.com/quartet-go/quartet/internal/park"
)

// An Executor runs tasks: [Pool] in child processes, [ThreadPool] on goroutines.
// [Apply], [Map] and the others take any of them; only who writes another needs to
// know the methods.
//
// To write one: for each task that Submit gives, run the function of that name
// with the argument that [Task.Encode] returns, somewhere, for not longer than
// [Task.Timeout] and with not more than [Task.Memory]; or call [Task.RunHere]. Settle
// the task exactly once, by [Task.Deliver] or [Task.Fail], from any goroutine and
// with no lock held that Submit takes. Stop what Withdraw names. The suite is
// TestConformance.
type Executor interface {
	// Submit takes a task over. It does not block, but for encoding the argument.
	Submit(t *Task)
	// Withdraw tells that t was settled elsewhere, because it was cancelled: if
	// it runs, it is to be stopped. It does not block.
	Withdraw(t *Task)
	// Workers returns how many tasks run at once; the default chunk size of the map
	// verbs follows from it.
	Workers() int
	// Callbacks returns what runs the callbacks of this executor's results.
	Callbacks() *Callbacks
}

// A Task is one call of a registered function, or a chunk of calls, on its way
// through an [Executor]. Only who writes an executor needs it.
type Task struct {
	fn      *function
	ex      Executor
	job     job
	items   int // of a chunk; 0 for a single call
	first   int // index of a chunk's first item
	timeout time.Duration
	memory  int64
	retries int
	retryIf func(error) bool
	watched watched // by the ctx that ends the work
	settled atomic.Bool

	pooled pooled // what a Pool keeps with the task
}

// A job is the typed side of a task.
type job interface {
	encode(s *slots) (payload, error)
	decode(result payload) error
	// runHere calls the function, with at set to the item that runs, and returns
	// what keeps its result.
	runHere(ctx context.Context, at *int) (keep func(), err error)
	finish(err error)
}

// Function returns the name of the function to call.
func (t *Task) Function() string { return t.fn.name }

// Signature returns a digest of the types of the function's argument and result.
func (t *Task) Signature() string { return t.fn.digest }

// Items returns how many items of a chunk the function is to be called with, or 0
// if it is to be called once.
func (t *Task) Items() int { return t.items }

// Timeout returns how long the task may run, counted from its start; 0 is for ever.
func (t *Task) Timeout() time.Duration { return t.timeout }

// Memory returns how many bytes the worker may use while it runs the task; 0 is
// without a limit of the task's own.
func (t *Task) Memory() int64 { return t.memory }

// Settled reports whether the task has its outcome. There is no need to run it then.
func (t *Task) Settled() bool { return t.settled.Load() }

// Encode returns the argument, encoded.
func (t *Task) Encode() (codecID byte, arg []byte, err error) {
	p, err := t.encode(nil)
	return byte(p.codec), p.data, err
}

func (t *Task) encode(s *slots) (payload, error) {
	p, err := t.job.encode(s)
	if err != nil {
		return payload{}, fmt.Errorf("%s: %w", t.fn.name, &encodingError{"argument", err})
	}
	return p, nil
}

// RunHere calls the function on this goroutine and settles the task with what
// comes of it; an error or a panic is a [*RemoteError].
func (t *Task) RunHere(ctx context.Context) {
	var keep func()
	at := 0
	protect(func() (err error) {
		keep, err = t.job.runHere(ctx, &at)
		return err
	}, func(err error) {
		if err != nil {
			remote := failureOf(err).remote(t.fn.name, os.Getpid(), t.item(at))
			remote.matches = []error{err}
			t.Fail(remote)
		} else if t.claim() {
			keep()
			t.end(nil)
		}
	})
}

// item returns the index into the input of a map verb of item at of this chunk.
func (t *Task) item(at int) int {
	if t.items == 0 {
		return -1
	}
	return t.first + at
}

// Deliver settles the task with an encoded result and reports whether it was open.
func (t *Task) Deliver(codecID byte, result []byte) bool {
	return t.deliver(payload{codec: codec.ID(codecID), data: result})
}

func (t *Task) deliver(result payload) bool {
	if !t.claim() {
		return false
	}
	var err error
	if decodeErr := t.job.decode(result); decodeErr != nil {
		err = fmt.Errorf("%s: %w", t.fn.name, &encodingError{"result", decodeErr})
	}
	t.end(err)
	return true
}

// Fail settles the task with an error and reports whether it was open. If the
// task is to be run again after such an error, Fail submits it again instead.
func (t *Task) Fail(err error) bool {
	if t.Settled() {
		return false
	}
	if t.again(err) {
		t.ex.Submit(t)
		return true
	}
	if !t.claim() {
		return false
	}
	t.end(err)
	return true
}

func (t *Task) again(err error) bool {
	if t.retries == 0 {
		return false
	}
	if t.retryIf == nil {
		if death, died := errors.AsType[*WorkerError](err); !died || death.OOM {
			return false
		}
	} else if !t.retryIf(err) {
		return false
	}
	t.retries--
	t.pooled.again = true
	return true
}

// settle settles the task with an error for good.
func (t *Task) settle(err error) {
	if t.claim() {
		t.end(err)
	}
}

func (t *Task) claim() bool { return t.settled.CompareAndSwap(false, true) }

func (t *Task) end(err error) {
	t.unwatch()
	t.job.finish(err)
}

// abort settles the task from outside and has its executor stop it.
func (t *Task) abort(err error) {
	if t.claim() {
		t.end(fmt.Errorf("%s: %w", t.fn.name, err))
		t.ex.Withdraw(t)
	}
}

// submit hands t to its executor, to be aborted when ctx ends.
func (t *Task) submit(ctx context.Context) {
	if t.watch(ctx) {
		t.ex.Submit(t)
	}
}

// refuse settles t, which was not submitted, with an error.
func (t *Task) refuse(err error) {
	if t.claim() {
		t.job.finish(fmt.Errorf("%s: %w", t.fn.name, err))
	}
}

// ended returns nil while ctx has not ended, and then an error that matches ctx's
// and its cause, and ErrTimeout if that is what ended it.
func ended(ctx context.Context) error {
	err := park.Cause(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}

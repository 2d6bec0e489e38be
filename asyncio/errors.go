package asyncio

import (
	"errors"
	"fmt"
)

// The states that a caller may want to test for, with [errors.Is].
var (
	// ErrLoopClosed is the error of what needs a loop that is closed.
	ErrLoopClosed = errors.New("asyncio: event loop is closed")
	// ErrLoopRunning is the error of a second run of a loop that runs, and of closing it.
	ErrLoopRunning = errors.New("asyncio: event loop is already running")
	// ErrLoopStopped is the error of a loop that was stopped before what it ran for was done.
	ErrLoopStopped = errors.New("asyncio: event loop stopped before the future completed")
	// ErrNoRunningLoop is the error of a call that needs a loop, made where none runs.
	ErrNoRunningLoop = errors.New("asyncio: no running event loop")
	// ErrCoroutineReused is the error of running a coroutine for the second time.
	ErrCoroutineReused = errors.New("asyncio: coroutine was already run")
	// ErrInvalidState is the error of asking a future that is not done for its
	// result, and of completing one that is.
	ErrInvalidState = errors.New("asyncio: invalid state")
	// ErrSelfAwait is the error of a task that awaits itself.
	ErrSelfAwait = errors.New("asyncio: task cannot await itself")
	// ErrWouldBlock is the error of a call that had to wait, made by a callback:
	// callbacks run on the loop's own goroutine, and nothing could wake it.
	ErrWouldBlock = errors.New("asyncio: a callback of the loop cannot wait; start a task")
	// ErrGoexit is the error of a task that ended by runtime.Goexit, as
	// testing.T.FailNow does.
	ErrGoexit = errors.New("asyncio: task ended by runtime.Goexit")
	// ErrKilled is the error of a task that was ended at an await, because it did
	// not end by itself within the grace of a closing loop.
	ErrKilled = errors.New("asyncio: task killed: it ignored its cancellation")
)

// A PanicError is a panic in a task or a callback. It ends the loop: the other
// tasks are cancelled and unwound, then the run panics with the PanicError.
type PanicError struct {
	// Task is the name of the task, or the place of the callback.
	Task string
	// Value is what panic was called with.
	Value any
	// Stack is the stack of the goroutine that panicked.
	Stack []byte
}

// Error returns the value and the stack of the panic.
func (e *PanicError) Error() string {
	return fmt.Sprintf("asyncio: panic in %s: %v\n\n%s", e.Task, e.Value, e.Stack)
}

// Unwrap returns the value, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

package multiprocessing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
)

// Errors of pools and results, to be matched by [errors.Is].
var (
	// ErrTimeout is the error of a wait or a task whose time was over. It comes
	// together with [context.DeadlineExceeded].
	ErrTimeout = errors.New("multiprocessing: timeout")
	// ErrPoolClosed is the error of a task given to a pool after its Close or Terminate.
	ErrPoolClosed = errors.New("multiprocessing: pool not running")
	// ErrPoolRunning is the error of Join before Close or Terminate.
	ErrPoolRunning = errors.New("multiprocessing: pool is still running")
	// ErrPoolTerminated is the error of a task that Terminate ended.
	ErrPoolTerminated = errors.New("multiprocessing: pool terminated")
	// ErrPoolBroken is the error of the tasks of a pool that cannot keep its
	// workers alive; it comes together with what ended the last of them.
	ErrPoolBroken = errors.New("multiprocessing: pool broken")
	// ErrMemory is what a [*WorkerError] matches whose worker needed more memory than
	// it may use.
	ErrMemory = errors.New("multiprocessing: out of memory")
	// ErrNotReady is the error of asking for the success of a result that is not there.
	ErrNotReady = errors.New("multiprocessing: result not ready")
	// ErrInCallback is the error of a callback that waits for its own result or pool.
	ErrInCallback = errors.New("multiprocessing: waiting in a callback for its own result or pool")
	// ErrEncoding is the error of an argument or result that cannot travel.
	ErrEncoding = errors.New("multiprocessing: cannot travel between processes")
	// ErrNotRegistered is the error of a call of a function that the worker's program
	// does not register.
	ErrNotRegistered = errors.New("multiprocessing: function not registered in the worker")
	// ErrSignature is the error of a call of a function whose types differ between
	// this program and the worker's.
	ErrSignature = errors.New("multiprocessing: function has other types in the worker")
)

// final reports whether err is that of an executor or a ctx that is at its end, not
// of a task.
func final(err error) bool {
	if _, remote := errors.AsType[*RemoteError](err); remote {
		return false
	}
	return errors.Is(err, ErrPoolClosed) || errors.Is(err, ErrPoolTerminated) || errors.Is(err, ErrPoolBroken)
}

// RemoteError is the error of a function that returned an error or panicked,
// wherever it ran. A registered sentinel (see [RegisterError]) that the
// function's error matched, the RemoteError matches too.
//
// Python: the exception itself, with multiprocessing.pool.RemoteTraceback as its
// cause. Differs: an error arrives without its Go type.
type RemoteError struct {
	Function string // name of the function
	Type     string // the Go type of the error, or of the value of the panic
	Message  string // its text
	Stack    string // where it panicked; empty for an error that was returned
	Panic    bool   // whether the function panicked, or ended its goroutine
	Pid      int    // the process it ran in
	Item     int    // index into the input of a map verb; -1 for a single call

	matches []error // the sentinels, or on a ThreadPool the error itself
}

// Error returns the text of the function's error after the function's name.
func (e *RemoteError) Error() string {
	var b strings.Builder
	b.WriteString(e.Function)
	if e.Item >= 0 {
		fmt.Fprintf(&b, ": item %d", e.Item)
	}
	if e.Panic {
		b.WriteString(": panic")
	}
	b.WriteString(": " + e.Message)
	return b.String()
}

// Unwrap returns the sentinels that the function's error matched.
func (e *RemoteError) Unwrap() []error { return e.matches }

// WorkerError is the error of a task whose worker died while it ran.
//
// Python: none; multiprocessing.Pool waits for ever, concurrent.futures has
// BrokenProcessPool.
type WorkerError struct {
	Function string         // what it was running
	Pid      int            // the process that died
	ExitCode int            // its exit code, -1 if a signal ended it (a Process has -N)
	Signal   syscall.Signal // the signal that ended it, 0 if none did
	OOM      bool           // whether it ran out of memory, as far as can be known
	Stderr   string         // the last lines that it wrote to stderr
	Err      error          // what else is known, such as a broken frame; may be nil
}

// Error tells how the worker ended and the last line of its stderr.
func (e *WorkerError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: worker %d died: ", e.Function, e.Pid)
	switch {
	case e.OOM:
		b.WriteString("out of memory")
	case e.Signal != 0:
		fmt.Fprintf(&b, "signal %v", e.Signal)
	default:
		fmt.Fprintf(&b, "exit code %d", e.ExitCode)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if line := lastLine(e.Stderr); line != "" {
		fmt.Fprintf(&b, ": %s", line)
	}
	return b.String()
}

// Unwrap returns Err, and [ErrMemory] if the worker ran out of memory.
func (e *WorkerError) Unwrap() []error {
	var all []error
	if e.OOM {
		all = append(all, ErrMemory)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}

func lastLine(s string) string {
	s = strings.TrimRight(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// RegisterError makes err keep its identity on the way from a worker: if the error
// of a function matches it, so does the [*RemoteError]. Call it at package level.
// It returns err, and panics if the name is taken.
//
//	var ErrFull = multiprocessing.RegisterError("full", errors.New("disk full"))
//
// Registered from the start are those of package context, and io.EOF,
// io.ErrUnexpectedEOF, fs.ErrNotExist, fs.ErrExist, fs.ErrPermission,
// fs.ErrClosed, os.ErrDeadlineExceeded and errors.ErrUnsupported.
func RegisterError(name string, err error) error {
	name = callerPackage() + "." + name
	sentinels.mu.Lock()
	defer sentinels.mu.Unlock()
	if _, ok := sentinels.m[name]; ok || err == nil {
		panic(fmt.Sprintf("multiprocessing: RegisterError(%q, %v): name taken or nil error", name, err))
	}
	sentinels.m[name] = err
	return err
}

// sentinels is the part of the registry that holds errors.
var sentinels = struct {
	mu sync.RWMutex // guards following
	m  map[string]error
}{m: map[string]error{
	"context.Canceled":         context.Canceled,
	"context.DeadlineExceeded": context.DeadlineExceeded,
	"io.EOF":                   io.EOF,
	"io.ErrUnexpectedEOF":      io.ErrUnexpectedEOF,
	"fs.ErrNotExist":           fs.ErrNotExist,
	"fs.ErrExist":              fs.ErrExist,
	"fs.ErrPermission":         fs.ErrPermission,
	"fs.ErrClosed":             fs.ErrClosed,
	"os.ErrDeadlineExceeded":   os.ErrDeadlineExceeded,
	"errors.ErrUnsupported":    errors.ErrUnsupported,
	"quartet.ErrEncoding":      ErrEncoding,
	"quartet.ErrNotRegistered": ErrNotRegistered,
}}

// failure is a [RemoteError] on its way.
type failure struct {
	Type    string   `cbor:"type"`
	Message string   `cbor:"message"`
	Stack   string   `cbor:"stack,omitempty"`
	Panic   bool     `cbor:"panic,omitempty"`
	Matches []string `cbor:"matches,omitempty"` // names of sentinels
	Item    int      `cbor:"item,omitempty"`
}

const maxMessage = 64 << 10 // of a message or a stack that travels, in bytes

func failureOf(err error) (f failure) {
	defer func() {
		if r := recover(); r != nil { // from the error's own methods
			f = failure{Type: fmt.Sprintf("%T", err), Message: fmt.Sprintf("its Error method panicked: %v", r)}
		}
	}()
	if p, ok := errors.AsType[*panicError](err); ok {
		f = failure{Type: fmt.Sprintf("%T", p.value), Stack: clip(p.stack), Panic: true}
	} else {
		f = failure{Type: fmt.Sprintf("%T", err)}
	}
	f.Message = clip(err.Error())
	sentinels.mu.RLock()
	defer sentinels.mu.RUnlock()
	for name, s := range sentinels.m {
		if errors.Is(err, s) {
			f.Matches = append(f.Matches, name)
		}
	}
	return f
}

// clip makes s a text that can travel.
func clip(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (f failure) remote(function string, pid, item int) *RemoteError {
	e := &RemoteError{
		Function: function, Type: f.Type, Message: f.Message, Stack: f.Stack, Panic: f.Panic,
		Pid: pid, Item: item,
	}
	sentinels.mu.RLock()
	defer sentinels.mu.RUnlock()
	for _, name := range f.Matches {
		if s := sentinels.m[name]; s != nil {
			e.matches = append(e.matches, s)
		}
	}
	return e
}

// panicError is the error of a function that did not return.
type panicError struct {
	value any
	stack string
}

func (e *panicError) Error() string { return fmt.Sprint(e.value) }

// Unwrap returns the value of the panic if it is an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

// errGoexit is the value of a panicError of a function that called [runtime.Goexit].
var errGoexit = errors.New("function called runtime.Goexit")

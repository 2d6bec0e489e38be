//go:build !linux

package proc

import (
	"os"
	"sync"
	"syscall"
)

// A Child is a process that this process started. Its methods may be called
// from many goroutines, also after it ended.
type Child struct {
	process *os.Process
	sentry  *Sentry
	done    chan struct{}
	state   State // valid once done is closed

	mu    sync.Mutex // guards following
	ended bool
}

// Start starts a child and returns when its program runs.
func Start(spec Spec) (*Child, error) {
	files, null, err := spec.stdio()
	if err != nil {
		return nil, err
	}
	if null != nil {
		defer null.Close()
	}
	env := spec.Env
	if env == nil {
		env = os.Environ()
	}
	argv := spec.Args
	if argv == nil {
		argv = []string{spec.Path}
	}
	p, err := os.StartProcess(spec.Path, argv, &os.ProcAttr{
		Dir: spec.Dir, Env: withTree(env, spec.Tree), Files: files, Sys: sysProcAttr(spec.Detached),
	})
	if err != nil {
		return nil, err
	}
	c := &Child{process: p, sentry: spec.Sentry, done: make(chan struct{})}
	c.sentry.watch(p.Pid)
	go c.wait()
	return c, nil
}

// Pid returns the child's process id.
func (c *Child) Pid() int { return c.process.Pid }

func (c *Child) wait() {
	defer close(c.done)
	ps, err := c.process.Wait()
	c.sentry.forget(c.process.Pid)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.state.Code = -1
	if err != nil {
		return
	}
	c.state = State{Code: ps.ExitCode(), User: ps.UserTime(), System: ps.SystemTime()}
	if ws, ok := ps.Sys().(interface {
		Signaled() bool
		Signal() syscall.Signal
		CoreDump() bool
	}); ok && ws.Signaled() {
		c.state.Signal, c.state.Core = ws.Signal(), ws.CoreDump()
	}
}

// Signal sends sig to this process alone. After its end it returns [os.ErrProcessDone].
func (c *Child) Signal(sig os.Signal) error {
	return c.process.Signal(sig)
}

// SignalTree sends sig to the child and to its process group where there are
// groups, and does not find descendants that left it.
func (c *Child) SignalTree(sig os.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	if s, ok := sig.(syscall.Signal); ok && signalGroup(c.process.Pid, s) == nil {
		return nil
	}
	return c.process.Signal(sig)
}

// KillTree kills the child and its process group where there are groups, and does
// not find descendants that left it.
func (c *Child) KillTree() { _ = c.SignalTree(os.Kill) }

func killGroup(leader int) { _ = signalGroup(leader, syscall.SIGKILL) }

// killInside does nothing: the environment of other processes cannot be read here.
func killInside(string) {}

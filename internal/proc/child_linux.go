package proc

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Child is a process that this process started. Its methods may be called
// from many goroutines, also after it ended: a signal never reaches another
// process that was given the same number.
type Child struct {
	pid    int
	tree   string
	sentry *Sentry
	done   chan struct{}
	state  State // valid once done is closed

	mu     sync.Mutex // guards following; while held and not reaped, pid is the child's
	reaped bool
	pidfd  int // -1 where the kernel has none
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
	c := &Child{tree: spec.Tree, sentry: spec.Sentry, done: make(chan struct{}), pidfd: -1}
	attr := &syscall.ProcAttr{
		Dir: spec.Dir,
		Env: spec.Env,
		Sys: &syscall.SysProcAttr{PidFD: &c.pidfd, Setsid: spec.Detached, Setpgid: !spec.Detached},
	}
	if !spec.Detached {
		attr.Sys.Pdeathsig = syscall.SIGKILL
	}
	if attr.Env == nil {
		attr.Env = os.Environ()
	}
	attr.Env = withTree(attr.Env, spec.Tree)
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	argv := spec.Args
	if argv == nil {
		argv = []string{spec.Path}
	}
	onSpawner(func() { c.pid, err = syscall.ForkExec(spec.Path, argv, attr) })
	runtime.KeepAlive(files)
	if err != nil {
		return nil, &os.PathError{Op: "start", Path: spec.Path, Err: err}
	}
	c.sentry.watch(c.pid)
	go c.wait()
	return c, nil
}

// Pid returns the child's process id.
func (c *Child) Pid() int { return c.pid }

// wait reaps the child when it ends. With a pidfd it waits in the poller and
// holds no thread.
func (c *Child) wait() {
	defer close(c.done)
	if c.pidfd >= 0 {
		fd := c.pidfd
		if unix.SetNonblock(fd, true) == nil {
			f := os.NewFile(uintptr(fd), "pidfd")
			defer f.Close()
			if raw, err := f.SyscallConn(); err == nil {
				if raw.Read(func(uintptr) bool { return c.reap(unix.WNOHANG) }) == nil {
					return
				}
			}
		} else {
			defer unix.Close(fd)
		}
	}
	for !c.reap(0) {
	}
}

// reap collects the child's exit state if it has ended, for which it waits
// unless options say WNOHANG.
func (c *Child) reap(options int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, c.pid, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
	if err == unix.EINTR || err == nil && info.Signo == 0 {
		return false
	}
	// The number of the group is free once its leader is reaped.
	c.sentry.forget(c.pid)

	c.mu.Lock()
	defer c.mu.Unlock()
	var status unix.WaitStatus
	var usage unix.Rusage
	for {
		_, err = unix.Wait4(c.pid, &status, 0, &usage)
		if err != unix.EINTR {
			break
		}
	}
	c.reaped, c.pidfd = true, -1
	c.state = State{
		Code:   -1,
		User:   time.Duration(usage.Utime.Nano()),
		System: time.Duration(usage.Stime.Nano()),
		MaxRSS: usage.Maxrss << 10,
	}
	switch {
	case err != nil: // somebody else reaped it
		c.state.Code = 255
	case status.Signaled():
		c.state.Signal, c.state.Core = syscall.Signal(status.Signal()), status.CoreDump()
	default:
		c.state.Code = status.ExitStatus()
	}
	return true
}

// Signal sends sig to this process alone. After its end it returns [os.ErrProcessDone].
func (c *Child) Signal(sig os.Signal) error {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return unsupported("signal " + sig.String())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signalLocked(s)
}

func (c *Child) signalLocked(sig syscall.Signal) error {
	if c.reaped {
		return os.ErrProcessDone
	}
	err := unix.ENOSYS
	if c.pidfd >= 0 {
		err, _ = unix.PidfdSendSignal(c.pidfd, sig, nil, 0).(unix.Errno)
	}
	if err == unix.ENOSYS {
		err, _ = unix.Kill(c.pid, sig).(unix.Errno)
	}
	switch {
	case err == 0:
		return nil
	case errors.Is(err, unix.ESRCH):
		return os.ErrProcessDone
	default:
		return os.NewSyscallError("kill", err)
	}
}

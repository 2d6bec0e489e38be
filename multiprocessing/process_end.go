package multiprocessing

import (
	"errors"
	"os"
	"syscall"
)

// Terminate asks the process and all its descendants to end, by SIGTERM. It does
// not wait. After the process's end it reaches what it left behind. The error is
// [ErrNotStarted] or [ErrProcessClosed].
//
// Python: Process.terminate. Differs: descendants are not left as orphans; see
// [Process.TerminateOnly].
func (p *Process) Terminate() error {
	c, err := p.started()
	if err != nil {
		return err
	}
	return c.SignalTree(syscall.SIGTERM)
}

// Kill ends the process and all its descendants, by SIGKILL. It does not wait for
// them to be gone. After the process's end it reaches what it left behind. The
// error is [ErrNotStarted] or [ErrProcessClosed].
//
// Python: Process.kill. Differs: descendants are not left as orphans.
func (p *Process) Kill() error {
	c, err := p.started()
	if err != nil {
		return err
	}
	c.KillTree()
	return nil
}

// TerminateOnly asks this process alone to end, by SIGTERM. Programs that it
// started are left as orphans, up to the end of this program. Processes that it
// started end with it. After its end it does nothing. The error is [ErrNotStarted]
// or [ErrProcessClosed].
//
// Python: Process.terminate.
func (p *Process) TerminateOnly() error { return p.signal(syscall.SIGTERM) }

// Interrupt asks this process alone to end, by SIGINT, as Ctrl-C does. After its
// end it does nothing. The error is [ErrNotStarted] or [ErrProcessClosed].
//
// Python: Process.interrupt (3.14).
func (p *Process) Interrupt() error { return p.signal(os.Interrupt) }

func (p *Process) signal(sig os.Signal) error {
	c, err := p.started()
	if err != nil {
		return err
	}
	if err := c.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Close releases the process. Every later call that can fail is [ErrProcessClosed],
// but a second Close is nil. A process that runs is not closed: ErrStillRunning.
//
// Python: Process.close.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil && !p.ended() {
		return ErrStillRunning
	}
	p.child, p.closed = nil, true
	return nil
}

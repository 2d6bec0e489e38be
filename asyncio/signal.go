package asyncio

import (
	"errors"
	"os"
	"os/signal"
	"sync"
)

// ErrInterrupted is the cause of the cancelled main task, and the error of [Run],
// after an interrupt.
//
// Python: KeyboardInterrupt.
var ErrInterrupted = errors.New("asyncio: interrupted")

// signals are the handlers of a loop.
type signals struct {
	mu   sync.Mutex // guards following
	undo map[os.Signal]func()
}

func (s *signals) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.undo) > 0
}

// AddSignalHandler makes l call fn, as a callback, for every sig that the process
// gets. It replaces the handler that l had for sig. l counts as having something
// to wait for, until the handler is removed or l closed.
//
// Python: loop.add_signal_handler. Differs: from any goroutine.
func (l *Loop) AddSignalHandler(sig os.Signal, fn func()) error {
	if l.IsClosed() {
		return ErrLoopClosed
	}
	if fn == nil {
		panic("asyncio: nil signal handler")
	}
	l.RemoveSignalHandler(sig)
	stop := notify(sig, func() { l.CallSoonThreadsafe(fn) })
	l.signals.mu.Lock()
	defer l.signals.mu.Unlock()
	if l.signals.undo == nil {
		l.signals.undo = make(map[os.Signal]func())
	}
	l.signals.undo[sig] = stop
	return nil
}

// RemoveSignalHandler takes the handler of sig away, and reports whether there was one.
//
// Python: loop.remove_signal_handler.
func (l *Loop) RemoveSignalHandler(sig os.Signal) bool {
	l.signals.mu.Lock()
	stop, ok := l.signals.undo[sig]
	delete(l.signals.undo, sig)
	l.signals.mu.Unlock()
	if ok {
		stop()
	}
	return ok
}

func (l *Loop) removeSignalHandlers() {
	l.signals.mu.Lock()
	undo := l.signals.undo
	l.signals.undo = nil
	l.signals.mu.Unlock()
	for _, stop := range undo {
		stop()
	}
}

// notify calls fn on a goroutine of its own for every sig, until stop has returned.
func notify(sig os.Signal, fn func()) (stop func()) {
	ch := make(chan os.Signal, 8)
	quit, gone := make(chan struct{}), make(chan struct{})
	signal.Notify(ch, sig)
	go func() {
		defer close(gone)
		for {
			select {
			case <-ch:
				fn()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		signal.Stop(ch)
		close(quit)
		<-gone
	}
}

// exitCode is what a program that is interrupted exits with: 128 + SIGINT.
const exitCode = 130

// exit ends the process; tests replace it.
var exit = os.Exit

// onInterrupt cancels main at the first interrupt and ends the process at the
// second, until undo is called.
func onInterrupt(main AnyTask) (undo func()) {
	first := true
	return notify(os.Interrupt, func() {
		if !first {
			exit(exitCode)
		}
		first = false
		main.Cancel(ErrInterrupted)
	})
}

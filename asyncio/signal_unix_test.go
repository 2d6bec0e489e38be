//go:build unix

package asyncio_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func TestSignalHandler(t *testing.T) {
	for _, e := range engines {
		t.Run(e.String(), func(t *testing.T) {
			opts := &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Engine: e}}
			run(t, opts, func(ctx context.Context) error {
				l, _ := asyncio.RunningLoop()
				var e asyncio.Event
				if err := l.AddSignalHandler(syscall.SIGUSR1, func() { t.Error("replaced handler called") }); err != nil {
					return err
				}
				l.AddSignalHandler(syscall.SIGUSR1, e.Set)
				raise(t, syscall.SIGUSR1)
				if err := e.Wait(ctx); err != nil {
					return err
				}
				if !l.RemoveSignalHandler(syscall.SIGUSR1) || l.RemoveSignalHandler(syscall.SIGUSR1) {
					t.Error("RemoveSignalHandler")
				}
				return l.AddSignalHandler(syscall.SIGUSR1, func() {}) // Run removes it
			})
		})
	}
}

// The first interrupt cancels main, which may clean up; the second ends the process.
func TestInterrupt(t *testing.T) {
	codes := make(chan int, 1)
	defer asyncio.SetExit(func(code int) { codes <- code })()
	opts := &asyncio.RunOptions{Interrupt: true}
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		raise(t, os.Interrupt.(syscall.Signal))
		err := asyncio.Sleep(ctx, time.Hour)
		raise(t, os.Interrupt.(syscall.Signal))
		code, _, _ := asyncio.Receive(context.WithoutCancel(ctx), codes)
		if code != 130 {
			t.Errorf("exit code %d", code)
		}
		return 0, err
	}, opts)
	if !errors.Is(err, asyncio.ErrInterrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	v, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		raise(t, os.Interrupt.(syscall.Signal))
		asyncio.Sleep(ctx, time.Hour)
		return 5, nil
	}, opts)
	if v != 5 || err != nil {
		t.Errorf("main that survives: %v, %v", v, err)
	}
}

func raise(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		t.Fatal(err)
	}
}

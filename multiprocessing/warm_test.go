package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// tellsPlace prints where and what a process is.
var tellsPlace = multiprocessing.Register("tellsPlace", func(context.Context, none) (none, error) {
	dir, err := os.Getwd()
	fmt.Println(multiprocessing.CurrentProcess(), dir, os.Getenv("QUARTET_TEST_GREETING"))
	fmt.Fprintln(os.Stderr, "on stderr")
	return none{}, err
})

func newWarm(t *testing.T, size int) *multiprocessing.Warm {
	t.Helper()
	w, err := multiprocessing.NewWarm(size, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// What a process gets is the same wherever it comes from.
func TestStartMethods(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]multiprocessing.StartMethod{
		"default": nil, "Spawn": multiprocessing.Spawn, "Warm": newWarm(t, 1), "empty Warm": newWarm(t, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, stderr strings.Builder
			dir := t.TempDir()
			p := start(t, multiprocessing.NewProcess(tellsPlace, none{}, &multiprocessing.ProcessOptions{
				Name: "me", Daemon: new(true), Start: method, Dir: dir,
				Env: []string{"QUARTET_TEST_GREETING=hello"}, Stdout: &out, Stderr: &stderr,
			}))
			if got := join(t, p); got != 0 {
				t.Errorf("exit code %d: %s", got, stderr.String())
			}
			want := fmt.Sprintf("<Process name='me' parent=%d started daemon> %s hello\n", os.Getpid(), dir)
			if got := out.String(); got != want {
				t.Errorf("printed %s, want %s", got, want)
			}
			if got, want := stderr.String(), "on stderr\n"; got != want {
				t.Errorf("stderr %q, want %q", got, want)
			}
		})
	}
}

func TestWarmIsRefilled(t *testing.T) {
	t.Parallel()
	w := newWarm(t, 2)
	if got := w.Idle(); got != 2 {
		t.Errorf("Idle() = %d, want 2", got)
	}
	seen := map[int]bool{}
	for range 5 {
		p := start(t, multiprocessing.NewProcess(exits, 3, &multiprocessing.ProcessOptions{Start: w}))
		if got := join(t, p); got != 3 {
			t.Errorf("exit code %d, want 3", got)
		}
		seen[p.Pid()] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d processes for 5, want one for each", len(seen))
	}
	eventually(t, func() bool { return w.Idle() == 2 }, func() string { return fmt.Sprint("Idle() = ", w.Idle()) })
}

func TestWarmClose(t *testing.T) {
	t.Parallel()
	w := newWarm(t, 2)
	p := start(t, multiprocessing.NewProcess(forever, none{}, &multiprocessing.ProcessOptions{Start: w}))
	if err := errors.Join(w.Close(), w.Close()); err != nil || w.Idle() != 0 {
		t.Errorf("Close() = %v, Idle() = %d", err, w.Idle())
	}
	if !p.IsAlive() {
		t.Error("Close ended a process that was taken")
	}
	late := multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Start: w})
	if err := late.Start(); !errors.Is(err, multiprocessing.ErrWarmClosed) {
		t.Errorf("Start() = %v, want ErrWarmClosed", err)
	}
}

func TestWarmWithACommand(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a Command and a Warm: no panic")
		}
	}()
	multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Start: newWarm(t, 0), Command: []string{"x"}})
}

// BenchmarkWarm is the wait for a process that was started before.
func BenchmarkWarm(b *testing.B) {
	w, err := multiprocessing.NewWarm(4, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for b.Loop() {
		p := multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Start: w})
		if err := p.Start(); err != nil {
			b.Fatal(err)
		}
		if err := p.Join(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

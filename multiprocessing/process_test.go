package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

type none = struct{}

// Targets of the processes in these tests.
var (
	nothing  = multiprocessing.Register("nothing", func(context.Context, none) (none, error) { return none{}, nil })
	forever  = multiprocessing.Register("forever", func(context.Context, none) (none, error) { select {} })
	fails    = multiprocessing.Register("fails", func(_ context.Context, s string) (none, error) { return none{}, errors.New(s) })
	panics   = multiprocessing.Register("panics", func(_ context.Context, s string) (none, error) { panic(s) })
	exits    = multiprocessing.Register("exits", func(_ context.Context, n int) (none, error) { return none{}, multiprocessing.ExitError(n) })
	osExits  = multiprocessing.Register("osExits", func(_ context.Context, n int) (none, error) { os.Exit(n); return none{}, nil })
	signaled = multiprocessing.Register("signaled", func(_ context.Context, n int) (none, error) {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.Signal(n))
		}
		if err != nil {
			return none{}, err
		}
		select {}
	})
)

// stubborn is a value that refuses to travel.
type stubborn struct{}

func (stubborn) MarshalBinary() ([]byte, error)  { return nil, errors.New("I stay") }
func (*stubborn) UnmarshalBinary(b []byte) error { return nil }

var takesStubborn = multiprocessing.Register("takesStubborn", func(context.Context, stubborn) (none, error) { return none{}, nil })

var sink []byte

// fills takes that many MiB, a page at a time, and keeps them.
var fills = multiprocessing.Register("fills", func(_ context.Context, mib int) (none, error) {
	sink = make([]byte, mib<<20)
	for i := 0; i < len(sink); i += 4096 {
		sink[i] = 1
	}
	select {}
})

func start(t *testing.T, p *multiprocessing.Process) *multiprocessing.Process {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatalf("Start() = %v", err)
	}
	t.Cleanup(func() { p.Kill(); p.Join(context.Background()) })
	return p
}

func join(t *testing.T, p *multiprocessing.Process) int {
	t.Helper()
	if err := p.Join(t.Context()); err != nil {
		t.Fatalf("Join() = %v", err)
	}
	code, err := p.ExitCode()
	if err != nil {
		t.Fatalf("ExitCode() = %v", err)
	}
	return code
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		p      func(o *multiprocessing.ProcessOptions) *multiprocessing.Process
		code   int
		stderr string
	}{
		{"returns", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(nothing, none{}, o)
		}, 0, ""},
		{"error", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(fails, "no luck", o)
		}, 1, "Process tried: no luck\n"},
		{"panic", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(panics, "no luck", o)
		}, 1, "Process tried: panic: no luck\n\ngoroutine "},
		{"ExitError", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(exits, 7, o)
		}, 7, ""},
		{"ExitError 0", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(exits, 0, o)
		}, 0, ""},
		{"os.Exit", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(osExits, 9, o)
		}, 9, ""},
		{"SIGKILL", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(signaled, 9, o)
		}, -9, ""},
		{"SIGTERM", func(o *multiprocessing.ProcessOptions) *multiprocessing.Process {
			return multiprocessing.NewProcess(signaled, 15, o)
		}, -15, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stderr strings.Builder
			p := start(t, tt.p(&multiprocessing.ProcessOptions{Name: "tried", Stderr: &stderr}))
			if got := join(t, p); got != tt.code {
				t.Errorf("ExitCode() = %d, want %d", got, tt.code)
			}
			if got := stderr.String(); !strings.HasPrefix(got, tt.stderr) || tt.stderr == "" && got != "" {
				t.Errorf("stderr = %q, want %q...", got, tt.stderr)
			}
		})
	}
}

func TestProcessString(t *testing.T) {
	t.Parallel()
	parent := os.Getpid()
	p := multiprocessing.NewProcess(forever, none{}, &multiprocessing.ProcessOptions{Name: "Process-1"})
	expect := func(want string) {
		t.Helper()
		if got := fmt.Sprint(p); got != want {
			t.Errorf("String() = %s, want %s", got, want)
		}
	}
	expect(fmt.Sprintf("<Process name='Process-1' parent=%d initial>", parent))
	start(t, p)
	pid := p.Pid()
	expect(fmt.Sprintf("<Process name='Process-1' pid=%d parent=%d started>", pid, parent))
	want := fmt.Sprintf("[<Process name='Process-1' pid=%d parent=%d started>, <Process name='Process-1' pid=%[1]d parent=%[2]d started>]", pid, parent)
	if got := fmt.Sprint(multiprocessing.Processes{p, p}); got != want {
		t.Errorf("in a slice: %s, want %s", got, want)
	}
	p.Terminate()
	join(t, p)
	expect(fmt.Sprintf("<Process name='Process-1' pid=%d parent=%d stopped exitcode=-SIGTERM>", pid, parent))
	p.Close()
	expect(fmt.Sprintf("<Process name='Process-1' parent=%d closed>", parent))

	p = multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Name: "a'b", Daemon: new(true)})
	expect(fmt.Sprintf(`<Process name="a'b" parent=%d initial daemon>`, parent))
	join(t, start(t, p))
	expect(fmt.Sprintf(`<Process name="a'b" pid=%d parent=%d stopped exitcode=0 daemon>`, p.Pid(), parent))
}

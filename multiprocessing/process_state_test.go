package multiprocessing_test

import (
	"context"
	"errors"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// Each call of a Process in each state that it can be in.
func TestProcessStates(t *testing.T) {
	t.Parallel()
	type process = multiprocessing.Process
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	states := []struct {
		name string
		make func(t *testing.T) *process
	}{
		{"initial", func(*testing.T) *process { return multiprocessing.NewProcess(forever, none{}, nil) }},
		{"started", func(t *testing.T) *process {
			return start(t, multiprocessing.NewProcess(forever, none{}, nil))
		}},
		{"stopped", func(t *testing.T) *process {
			p := start(t, multiprocessing.NewProcess(nothing, none{}, nil))
			join(t, p)
			return p
		}},
		{"closed", func(t *testing.T) *process {
			p := start(t, multiprocessing.NewProcess(nothing, none{}, nil))
			join(t, p)
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			return p
		}},
		{"closed before the start", func(t *testing.T) *process {
			p := multiprocessing.NewProcess(nothing, none{}, nil)
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			return p
		}},
	}
	var (
		already   = multiprocessing.ErrAlreadyStarted
		not       = multiprocessing.ErrNotStarted
		running   = multiprocessing.ErrStillRunning
		closed    = multiprocessing.ErrProcessClosed
		late      = multiprocessing.ErrDaemonAfterStart
		cancelled = context.Canceled
	)
	calls := []struct {
		name string
		call func(p *process) error
		want [5]error // by state
	}{
		{"Start", (*process).Start, [5]error{nil, already, already, closed, closed}},
		{"Join", func(p *process) error { return p.Join(ended) }, [5]error{not, cancelled, nil, closed, closed}},
		{"ExitCode", func(p *process) error { _, err := p.ExitCode(); return err }, [5]error{not, running, nil, closed, closed}},
		{"Terminate", (*process).Terminate, [5]error{not, nil, nil, closed, closed}},
		{"TerminateOnly", (*process).TerminateOnly, [5]error{not, nil, nil, closed, closed}},
		{"Interrupt", (*process).Interrupt, [5]error{not, nil, nil, closed, closed}},
		{"Kill", (*process).Kill, [5]error{not, nil, nil, closed, closed}},
		{"SetDaemon", func(p *process) error { return p.SetDaemon(true) }, [5]error{nil, late, late, closed, closed}},
		{"SetName", func(p *process) error { return p.SetName("x") }, [5]error{nil, nil, nil, closed, closed}},
		{"Close", (*process).Close, [5]error{nil, running, nil, nil, nil}},
		{"Run", func(p *process) error {
			if p.IsAlive() || p.Pid() != 0 { // forever runs forever
				return nil
			}
			if _, err := p.ExitCode(); errors.Is(err, not) {
				return nil
			}
			return p.Run(context.Background())
		}, [5]error{nil, nil, nil, closed, closed}},
	}
	for i, state := range states {
		for _, c := range calls {
			t.Run(state.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				p := state.make(t)
				t.Cleanup(func() { p.Kill(); p.Join(context.Background()) })
				if err := c.call(p); !errors.Is(err, c.want[i]) || c.want[i] == nil && err != nil {
					t.Errorf("%s() = %v, want %v", c.name, err, c.want[i])
				}
			})
		}
		t.Run(state.name+"/facts", func(t *testing.T) {
			t.Parallel()
			p := state.make(t)
			if got, want := p.IsAlive(), state.name == "started"; got != want {
				t.Errorf("IsAlive() = %v", got)
			}
			if got, want := p.Pid() != 0, state.name == "started" || state.name == "stopped"; got != want {
				t.Errorf("Pid() = %v", p.Pid())
			}
			select {
			case <-p.Sentinel():
				if i < 2 {
					t.Error("Sentinel() is closed")
				}
			default:
				if i == 2 || i == 3 {
					t.Error("Sentinel() is open")
				}
			}
		})
	}
}

func TestRunInThisProcess(t *testing.T) {
	t.Parallel()
	p := multiprocessing.NewProcess(fails, "here", nil)
	if err := p.Run(t.Context()); err == nil || err.Error() != "here" {
		t.Errorf("Run() = %v, want the target's error", err)
	}
	if p.Pid() != 0 {
		t.Error("Run started a process")
	}
}

func TestProcessNames(t *testing.T) {
	t.Parallel()
	p := multiprocessing.NewProcess(nothing, none{}, nil)
	q := multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Name: p.Name()})
	if p.Name() == "" || p.Name() != q.Name() {
		t.Errorf("names %q and %q, want the same twice", p.Name(), q.Name())
	}
	if err := q.SetName("other"); err != nil || q.Name() != "other" {
		t.Errorf("SetName: %v, name %q", err, q.Name())
	}
}

func TestJoinWithALimit(t *testing.T) {
	t.Parallel()
	p := start(t, multiprocessing.NewProcess(forever, none{}, nil))
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if err := p.Join(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Join() past its limit = %v, want DeadlineExceeded", err)
	}
	if !p.IsAlive() {
		t.Error("the limit of Join ended the process")
	}
	p.Kill()
	if got := join(t, p); got != -9 {
		t.Errorf("exit code %d, want -9", got)
	}
	if err := p.Join(ctx); err != nil {
		t.Errorf("Join() after the end with a ctx that ended = %v, want nil", err)
	}
}

func TestArgumentsThatCannotTravel(t *testing.T) {
	t.Parallel()
	p := multiprocessing.NewProcess(takesStubborn, stubborn{}, nil)
	if err := p.Start(); !errors.Is(err, multiprocessing.ErrEncoding) {
		t.Errorf("Start() = %v, want ErrEncoding", err)
	}
	if p.IsAlive() || p.Pid() != 0 {
		t.Error("a process was started")
	}
}

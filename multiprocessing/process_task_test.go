package multiprocessing_test

import (
	"context"
	"os"
	"os/signal"
	"testing"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/multiprocessing"
)

// In a task, Join and Wait suspend that task alone: another one ends what they wait
// for.
func TestJoinInATask(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(context.Context, *multiprocessing.Process) error{
		"Join": func(ctx context.Context, p *multiprocessing.Process) error { return p.Join(ctx) },
		"Wait": func(ctx context.Context, p *multiprocessing.Process) error {
			_, err := multiprocessing.Wait(ctx, p)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, multiprocessing.NewProcess(forever, none{}, nil))
			_, err := asyncio.Run(t.Context(), func(ctx context.Context) (none, error) {
				killer := asyncio.Go(ctx, func(context.Context) (none, error) { return none{}, p.Kill() })
				if err := wait(ctx, p); err != nil {
					return none{}, err
				}
				return asyncio.Await(ctx, killer)
			}, nil)
			if err != nil {
				t.Error(err)
			}
			if got := join(t, p); got != -9 {
				t.Errorf("exit code %d, want -9", got)
			}
		})
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	if signal.Ignored(os.Interrupt) {
		t.Skip("SIGINT is ignored here, and so in children")
	}
	p := start(t, multiprocessing.NewProcess(forever, none{}, nil))
	if err := p.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if got := join(t, p); got != -2 {
		t.Errorf("exit code %d, want -2", got)
	}
}

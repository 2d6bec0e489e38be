package asynciotest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/asyncio/asynciotest"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

func TestRunTakesNoTime(t *testing.T) {
	start := time.Now()
	asynciotest.Run(t, nil, func(ctx context.Context) {
		if err := asyncio.Sleep(ctx, 1000*time.Hour); err != nil {
			t.Error(err)
		}
		if d := asynciotest.Elapsed(); d != 1000*time.Hour {
			t.Errorf("Elapsed() = %v", d)
		}
	})
	if d := time.Since(start); d > time.Minute {
		t.Errorf("took %v", d)
	}
}

// A recorder is a testing.TB that notes what it is told.
type recorder struct {
	testing.TB
	errs []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.errs = append(r.errs, fmt.Sprintf(format, args...))
}

func TestRunReportsWhatIsLeft(t *testing.T) {
	r := &recorder{TB: t}
	leave := func(ctx context.Context) {
		asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, time.Hour) }).SetName("left")
		asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, errors.New("lost") })
	}
	asynciotest.Run(r, nil, leave)
	if len(r.errs) != 2 || !strings.Contains(r.errs[0], "task left behind: <Task pending name='left'") || !strings.Contains(r.errs[1], "lost") {
		t.Errorf("errors %q", r.errs)
	}
	r.errs = nil
	asynciotest.Run(r, &asynciotest.Options{AllowTasks: true}, func(ctx context.Context) {
		asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, time.Hour) })
	})
	if len(r.errs) != 0 {
		t.Errorf("errors %q", r.errs)
	}
}

func TestFailNowInBody(t *testing.T) {
	r := &recorder{TB: t}
	done := make(chan bool)
	go func() {
		returned := false
		defer func() { done <- returned }()
		asynciotest.Run(r, nil, func(ctx context.Context) { goexit() })
		returned = true
	}()
	if <-done {
		t.Error("Run returned after a FailNow")
	}
}

func TestSequencer(t *testing.T) {
	asynciotest.Run(t, nil, func(ctx context.Context) {
		var seq asynciotest.Sequencer
		var order []int
		var tasks []asyncio.Awaitable[int]
		for _, steps := range [][]int{{1, 4}, {0, 3}, {2, 5}} {
			tasks = append(tasks, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				for _, n := range steps {
					done, err := seq.Step(ctx, n)
					if err != nil {
						return 0, err
					}
					order = append(order, n)
					done()
				}
				return 0, nil
			}))
		}
		if _, err := asyncio.Gather(ctx, tasks...); err != nil {
			t.Error(err)
		}
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5}) {
			t.Errorf("order %v", order)
		}
	})
}

func TestSequencerBroken(t *testing.T) {
	asynciotest.Run(t, nil, func(ctx context.Context) {
		var seq asynciotest.Sequencer
		step := func(n int) *asyncio.Task[int] {
			return asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				_, err := seq.Step(ctx, n)
				return 0, err
			})
		}
		a, b := step(1), step(2)
		asynciotest.WaitAllBlocked(ctx)
		a.Cancel(nil)
		if _, err := asyncio.Await(ctx, b); !errors.Is(err, asynciotest.ErrSequenceBroken) {
			t.Errorf("Step after one that was given up: %v", err)
		}
	})
}

func ExampleSequencer() {
	clock := asyncio.NewVirtualClock()
	asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		var seq asynciotest.Sequencer
		say := func(n int, what string) *asyncio.Task[int] {
			return asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				done, err := seq.Step(ctx, n)
				if err != nil {
					return 0, err
				}
				defer done()
				fmt.Println(what)
				return n, nil
			})
		}
		_, err := asyncio.Gather(ctx, say(1, "second"), say(0, "first"))
		return 0, err
	}, &asyncio.RunOptions{LoopOptions: asyncio.LoopOptions{Clock: clock}})
	// Output:
	// first
	// second
}

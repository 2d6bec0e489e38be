package asyncio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/asyncio"
)

// Tasks that await one another, deeper than steps nest, suspend and go on in the
// order of the loop, and can be looked at from the deepest one.
func TestNestedSteps(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		const depth = 20
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			for range depth { // the coros for what follows
				asyncio.Go(ctx, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, 0) })
			}
			asyncio.Sleep(ctx, 0)
			asyncio.Sleep(ctx, 0)
			var descend func(ctx context.Context, n int) (int, error)
			descend = func(ctx context.Context, n int) (int, error) {
				if n == depth {
					l.CallSoon(func() { tr.add("callback") })
					g, err := l.CaptureCallGraph(ctx)
					if err != nil {
						return 0, err
					}
					for _, node := range g.Tasks {
						if len(node.Frames) == 0 || !strings.Contains(node.Frames[0].Function, "TestNestedSteps") {
							t.Errorf("%v has frames %v", node.Task, node.Frames)
						}
					}
					tr.add("%d tasks", len(g.Tasks))
					err = asyncio.Sleep(ctx, 0)
					tr.add("bottom")
					return n, err
				}
				return asyncio.Await(ctx, asyncio.Go(ctx, func(ctx context.Context) (int, error) { return descend(ctx, n+1) }))
			}
			n, err := descend(ctx, 0)
			tr.add("%d", n)
			return err
		})
		tr.want(t, fmt.Sprintf("%d tasks | callback | bottom | %d", depth+1, depth))
	})
}

// A task that has just been started eagerly cannot interrupt those above it: they
// have no frames then, and all goes on.
func TestLookFromEagerTask(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			asyncio.CurrentTask().SetName("outer")
			_, err := asyncio.Await(ctx, asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				return asyncio.Await(ctx, asyncio.GoEager(ctx, func(ctx context.Context) (int, error) {
					g, err := l.CaptureCallGraph(ctx)
					for _, node := range g.Tasks {
						if node.Task.Name() == "outer" && node.WaitsFor == "" {
							t.Error("outer waits for nothing")
						}
					}
					return len(g.Tasks), err
				}))
			}))
			return err
		})
	})
}

// A task that goes on waiting for a callback lets it run, however it got there.
func TestNestedTaskAndCallbacks(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			l, _ := asyncio.RunningLoop()
			child := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
				for i := range 3 {
					f := asyncio.NewFuture[int](l)
					l.CallSoon(func() {
						if asyncio.CurrentTask() != nil {
							t.Error("a callback runs as a task")
						}
						tr.add("callback %d", i)
						f.SetResult(i)
					})
					v, err := asyncio.Await(ctx, f)
					tr.add("child %d %v", v, err)
				}
				return 0, nil
			})
			_, err := asyncio.Await(ctx, child)
			tr.add("end")
			return err
		})
		tr.want(t, "callback 0 | child 0 <nil> | callback 1 | child 1 <nil> | callback 2 | child 2 <nil> | end")
	})
}

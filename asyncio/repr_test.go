package asyncio_test

import (
	"context"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/asyncio"
)

func TestTaskString(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		gate := asyncio.NewFuture[int](l)
		task := asyncio.CreateTask(l, asyncio.Coro(reprRequest, gate))
		want := func(want string) {
			t.Helper()
			if got := task.String(); got != want {
				t.Errorf("String():\n got %s\nwant %s", got, want)
			}
		}
		want("<Task pending name='Task-1' coro=<asyncio_test.reprRequest() running at place_test.go:12>>")
		l.CallSoon(l.Stop)
		l.RunForever(t.Context())
		want("<Task pending name='Task-1' coro=<asyncio_test.reprRequest() running at place_test.go:13> wait_for=<Future pending cb=[Task.wakeup()]>>")
		if got := gate.String(); got != "<Future pending cb=[Task.wakeup()]>" {
			t.Errorf("future: %s", got)
		}
		gate.SetResult(1)
		task.SetName("x")
		asyncio.RunUntilComplete(t.Context(), l, task)
		want("<Task finished name='x' coro=<asyncio_test.reprRequest() done, defined at place_test.go:12> result='2026-11-22 10:00:00'>")
		if got := gate.String(); got != "<Future finished result=1>" {
			t.Errorf("future: %s", got)
		}
	})
}

func TestTaskStringEnds(t *testing.T) {
	withLoop(t, func(t *testing.T, l *asyncio.Loop) {
		print := func(f func(context.Context) (any, error)) string {
			task := asyncio.CreateTask(l, asyncio.Coro0(f))
			asyncio.RunUntilComplete(t.Context(), l, task)
			return task.String()
		}
		for name, c := range map[string]struct {
			f    func(context.Context) (any, error)
			want string
		}{
			"none":      {func(context.Context) (any, error) { return nil, nil }, " result=None>"},
			"struct":    {func(context.Context) (any, error) { return struct{}{}, nil }, " result=None>"},
			"slice":     {func(context.Context) (any, error) { return []int{1, 2}, nil }, " result=[1 2]>"},
			"error":     {func(context.Context) (any, error) { return nil, errBoom }, " exception=errorString('boom')>"},
			"cancelled": {func(context.Context) (any, error) { return nil, context.Canceled }, ">"},
			"long": {
				func(context.Context) (any, error) { return strings.Repeat("0123456789", 20), nil },
				" result='012345678901234567890123456...2345678901234567890123456789'>",
			},
		} {
			if got := print(c.f); !strings.HasSuffix(got, c.want) {
				t.Errorf("%s: %s", name, got)
			}
		}
		if got := print(func(context.Context) (any, error) { return nil, context.Canceled }); !strings.HasPrefix(got, "<Task cancelled name=") {
			t.Errorf("cancelled: %s", got)
		}
		task := asyncio.CreateTask(l, asyncio.Coro0(func(ctx context.Context) (int, error) { return 0, ctx.Err() }))
		task.Cancel(nil)
		if got := task.String(); !strings.HasPrefix(got, "<Task cancelling name=") {
			t.Errorf("cancelling: %s", got)
		}
	})
}

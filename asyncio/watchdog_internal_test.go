package asyncio

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
)

// A late tick is no reason to bark, but five late ones are, and a step that ends
// begins a new count.
func TestWatchdogCount(t *testing.T) {
	for _, c := range []struct{ name, ticks, want string }{
		{"blocked", "sss", "!.."},
		{"alive", "s.s.", "!.!."},
		{"always alive", "....", "...."},
		{"once late", "ls", ".!"},
		{"late and alive", "l.l.", "...."},
		{"late for long", "lllllls", ".....!."},
		{"for ten ticks", "ssssssssss", "!........!"},
	} {
		var n count
		var got strings.Builder
		for _, tick := range c.ticks {
			if n.tick(tick != '.', tick == 'l') {
				got.WriteByte('!')
			} else {
				got.WriteByte('.')
			}
		}
		if got.String() != c.want {
			t.Errorf("%s: ticks %q bark %q, want %q", c.name, c.ticks, got.String(), c.want)
		}
	}
}

// Gather that makes very many tasks is alive.
func TestGatherIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := Run(t.Context(), func(ctx context.Context) (int, error) {
			dog := current().loop.dog
			synctest.Wait() // it has made its first mark
			dog.mark.Store(true)
			futs, err := ensureAll(ctx, []Awaitable[int]{Coro0(func(context.Context) (int, error) { return 1, nil })})
			if err != nil {
				return 0, err
			}
			if dog.mark.Load() {
				t.Error("the mark stands")
			}
			return Await(ctx, Awaitable[int](futs[0]))
		}, nil)
		if err != nil {
			t.Error(err)
		}
	})
}

package park_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/quartet-go/quartet/internal/leakcheck"
	"github.com/quartet-go/quartet/internal/park"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

// counter is a Parker that blocks its goroutine and counts how often.
type counter struct{ parks int }

func (c *counter) Park(ctx context.Context, arm func(wake func())) error {
	c.parks++
	woken := make(chan struct{})
	arm(sync.OnceFunc(func() { close(woken) }))
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return park.Cause(ctx)
	}
}

func wakeAtOnce(wake func()) { wake() }

// TestCallers is the table of who calls and what happens to whom.
func TestCallers(t *testing.T) {
	t.Run("no task anywhere", func(t *testing.T) {
		if p := park.Current(); p != nil {
			t.Fatalf("Current() = %v, want nil", p)
		}
		if err := park.Wait(t.Context(), wakeAtOnce); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("task", func(t *testing.T) {
		c := enter(t)
		if got := park.Current(); got != park.Parker(c) {
			t.Fatalf("Current() = %v, want the task", got)
		}
		if err := park.Wait(t.Context(), wakeAtOnce); err != nil || c.parks != 1 {
			t.Fatalf("Wait = %v after %d parks, want nil after 1", err, c.parks)
		}
	})
	t.Run("task with context.Background", func(t *testing.T) {
		c := enter(t)
		if err := park.Wait(context.Background(), wakeAtOnce); err != nil || c.parks != 1 {
			t.Fatalf("Wait = %v after %d parks, want nil after 1", err, c.parks)
		}
	})
	t.Run("goroutine started by a task, with its ctx", func(t *testing.T) {
		c := enter(t)
		done := make(chan error)
		go func() { done <- park.Wait(t.Context(), wakeAtOnce) }()
		if err := <-done; err != nil || c.parks != 0 {
			t.Fatalf("Wait = %v after %d parks, want nil after 0", err, c.parks)
		}
	})
	t.Run("goroutine of context.AfterFunc", func(t *testing.T) {
		c := enter(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		context.AfterFunc(ctx, func() { done <- park.Wait(context.Background(), wakeAtOnce) })
		cancel()
		if err := <-done; err != nil || c.parks != 0 {
			t.Fatalf("Wait = %v after %d parks, want nil after 0", err, c.parks)
		}
	})
	t.Run("two tasks", func(t *testing.T) {
		a := enter(t)
		var b counter
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer park.Exit()
			park.Enter(&b)
			park.Wait(t.Context(), wakeAtOnce)
		}()
		<-done
		if a.parks != 0 || b.parks != 1 {
			t.Fatalf("parks = %d and %d, want 0 and 1", a.parks, b.parks)
		}
	})
}

func enter(t *testing.T) *counter {
	t.Helper()
	c := new(counter)
	park.Enter(c)
	t.Cleanup(park.Exit)
	return c
}

// TestReusedGoroutine starts many goroutines on the heels of tasks that ended:
// the runtime gives them the same g, and none may be taken for a task.
func TestReusedGoroutine(t *testing.T) {
	for range 2000 {
		var wg sync.WaitGroup
		wg.Go(func() {
			defer park.Exit()
			park.Enter(new(counter))
			if runtime.NumGoroutine()%2 == 0 {
				runtime.Goexit()
			}
		})
		wg.Wait()
		wg.Go(func() {
			if p := park.Current(); p != nil {
				t.Errorf("Current() = %v on a plain goroutine", p)
			}
		})
		wg.Wait()
	}
}

func TestDo(t *testing.T) {
	boom := errors.New("boom")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(boom)

	t.Run("plain runs in place", func(t *testing.T) {
		locked := false
		if err := park.Do(t.Context(), func() { locked = true }); err != nil || !locked {
			t.Fatalf("Do = %v, ran %v", err, locked)
		}
	})
	t.Run("task runs elsewhere and waits", func(t *testing.T) {
		c := enter(t)
		var where park.Parker = c
		if err := park.Do(t.Context(), func() { where = park.Current() }); err != nil {
			t.Fatal(err)
		}
		if where != nil || c.parks != 1 {
			t.Fatalf("ran as %v after %d parks, want nil after 1", where, c.parks)
		}
	})
	t.Run("ctx that ended runs nothing", func(t *testing.T) {
		err := park.Do(ended, func() { t.Error("f ran") })
		if !errors.Is(err, context.Canceled) || !errors.Is(err, boom) {
			t.Fatalf("Do = %v, want canceled and its cause", err)
		}
	})
	t.Run("ctx that ends in the middle is waited through", func(t *testing.T) {
		enter(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := false
		if err := park.Do(ctx, func() { cancel(); runtime.Gosched(); done = true }); err != nil || !done {
			t.Fatalf("Do = %v, done %v", err, done)
		}
	})
	t.Run("f that ends its goroutine", func(t *testing.T) {
		enter(t)
		if err := park.Do(t.Context(), runtime.Goexit); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWait(t *testing.T) {
	boom := errors.New("boom")
	t.Run("wake beats a ctx that ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 {
			if err := park.Wait(ctx, wakeAtOnce); err != nil {
				t.Fatalf("Wait = %v, want nil", err)
			}
		}
	})
	t.Run("ctx ends with a cause", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := park.Wait(ctx, func(func()) { cancel(boom) })
		if !errors.Is(err, context.Canceled) || !errors.Is(err, boom) {
			t.Fatalf("Wait = %v, want canceled and its cause", err)
		}
	})
	t.Run("wake twice and from elsewhere", func(t *testing.T) {
		err := park.Wait(t.Context(), func(wake func()) {
			go wake()
			wake()
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestCause(t *testing.T) {
	if err := park.Cause(t.Context()); err != nil {
		t.Errorf("Cause of a live ctx = %v", err)
	}
	plain, cancel := context.WithCancel(t.Context())
	cancel()
	if err := park.Cause(plain); err != context.Canceled {
		t.Errorf("Cause without a cause = %v, want context.Canceled itself", err)
	}
}

package multiprocessing_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/quartet-go/quartet/internal/park"
	"github.com/quartet-go/quartet/multiprocessing"
)

func TestPoolOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	for name, f := range map[string]func(){
		"workers":         func() { _, _ = multiprocessing.NewPool(t.Context(), workers(-1)) },
		"tasks per child": func() { newPool(t, &multiprocessing.PoolOptions{MaxTasksPerChild: -1}) },
		"thread workers":  func() { multiprocessing.NewThreadPool(&multiprocessing.ThreadPoolOptions{Workers: -1}) },
		"resize":          func() { p.Resize(0) },
		"chunk size": func() {
			_, _ = multiprocessing.Map(t.Context(), p, square, []int{1}, &multiprocessing.MapOptions{ChunkSize: -1})
		},
		"window": func() {
			multiprocessing.IMap(t.Context(), p, square, nil, &multiprocessing.IMapOptions{Window: -1})
		},
		"buffer": func() { _, _ = multiprocessing.NewBuffer(-1) },
		"unregistered": func() {
			_, _ = multiprocessing.Apply(t.Context(), p, multiprocessing.Func[int, int]{}, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestNoItems(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	if v, err := multiprocessing.Map(t.Context(), p, square, []int{}, nil); len(v) != 0 || err != nil {
		t.Errorf("Map = %v, %v", v, err)
	}
	called := 0
	r := multiprocessing.StarmapAsync(t.Context(), p, add, nil, &multiprocessing.AsyncOptions[[]int]{
		Callback: func(v []int) error { called++; return nil },
	})
	if v, err := r.Get(t.Context()); len(v) != 0 || err != nil || called != 1 {
		t.Errorf("StarmapAsync = %v, %v, %d callbacks", v, err, called)
	}
	for range multiprocessing.IMap(t.Context(), p, square, slices.Values([]int{}), nil) {
		t.Error("IMap yields")
	}
	for range multiprocessing.IMapUnordered(t.Context(), p, square, slices.Values([]int{}), nil) {
		t.Error("IMapUnordered yields")
	}
}

func TestStartThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	_, err := multiprocessing.NewPool(t.Context(), &multiprocessing.PoolOptions{Workers: 3, Dir: t.TempDir() + "/none"})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("NewPool = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := multiprocessing.NewPool(ctx, workers(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("NewPool with a ctx that ended = %v", err)
	}
	// What is left is seen by the check of this package.
}

func TestInitializerThatHangsIsEndedByCtx(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Workers: 1, Initializer: spin.With("")})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, multiprocessing.ErrTimeout) {
		t.Errorf("NewPool = %v", err)
	}
}

func TestResultsAreLetGo(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	big := make([]byte, 1000)
	arg := weak.Make(&big[0])
	r := multiprocessing.ApplyAsync(t.Context(), p, length, big, nil)
	if _, err := r.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	big, r = nil, nil
	until(t, "the argument is collected", func() bool {
		runtime.GC()
		return arg.Value() == nil
	})
}

// task is a Parker that lets the work it waits for end once it was suspended.
type task struct{ file string }

func (k *task) Park(ctx context.Context, arm func(wake func())) error {
	if err := os.WriteFile(k.file, nil, 0o600); err != nil {
		return err
	}
	woken := make(chan struct{})
	var once sync.Once
	arm(func() { once.Do(func() { close(woken) }) })
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return park.Cause(ctx)
	}
}

// untilFile returns when there is a file of that name.
var untilFile = multiprocessing.Register("untilFile", func(ctx context.Context, name string) (int, error) {
	for {
		if _, err := os.Stat(name); err == nil {
			return 1, nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
})

// A call that did not suspend its task would wait for ever.
func TestCallsSuspendATask(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, f := range map[string]func(file string) error{
		"Apply": func(file string) error { _, err := multiprocessing.Apply(ctx, p, untilFile, file); return err },
		"Map": func(file string) error {
			_, err := multiprocessing.Map(ctx, p, untilFile, []string{file, file}, nil)
			return err
		},
		"IMap": func(file string) error {
			for _, err := range multiprocessing.IMap(ctx, p, untilFile, slices.Values([]string{file, file}), nil) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"IMapUnordered": func(file string) error {
			for _, err := range multiprocessing.IMapUnordered(ctx, p, untilFile, slices.Values([]string{file, file}), nil) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Get": func(file string) error {
			_, err := multiprocessing.ApplyAsync(ctx, p, untilFile, file, nil).Get(ctx)
			return err
		},
		"Join": func(file string) error {
			own := newPool(t, workers(1))
			multiprocessing.ApplyAsync(ctx, own, untilFile, file, nil)
			own.Close()
			return own.Join(ctx)
		},
	} {
		done := make(chan struct{})
		go func() { // an ordinary goroutine that a loop has made a task's
			defer close(done)
			me := &task{file: filepath.Join(t.TempDir(), "suspended")}
			park.Enter(me)
			defer park.Exit()
			if err := f(me.file); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}()
		<-done
	}
}

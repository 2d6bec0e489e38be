package multiprocessing_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

var (
	workerState atomic.Value
	remember    = multiprocessing.Register("remember", func(_ context.Context, s string) (struct{}, error) {
		switch s {
		case "error":
			return struct{}{}, errOdd
		case "panic":
			panic("no table")
		}
		workerState.Store(s)
		return struct{}{}, nil
	})
	recall = multiprocessing.Register("recall", func(context.Context, struct{}) (string, error) {
		s, _ := workerState.Load().(string)
		return s, nil
	})
)

func TestInitializer(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 2, Initializer: remember.With("hello")})
	got, err := multiprocessing.Map(t.Context(), p, recall, make([]struct{}, 10), nil)
	if err != nil || !slices.Equal(slices.Compact(got), []string{"hello"}) {
		t.Errorf("state in the workers: %q, %v", got, err)
	}
	if workerState.Load() != nil {
		t.Error("the initializer ran in the parent")
	}
}

func TestInitializerThatFailsFailsThePool(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"error": "odd number", "panic": "no table"} {
		_, err := multiprocessing.NewPool(t.Context(), &multiprocessing.PoolOptions{Workers: 2, Initializer: remember.With(how)})
		remote, ok := errors.AsType[*multiprocessing.RemoteError](err)
		if !ok || remote.Message != want || !strings.HasSuffix(remote.Function, ".remember") || remote.Panic != (how == "panic") {
			t.Errorf("%s: NewPool = %v", how, err)
		}
	}
	_, err := multiprocessing.NewPool(t.Context(), &multiprocessing.PoolOptions{Workers: 2, Initializer: exitWith.With(4)})
	if death, ok := errors.AsType[*multiprocessing.WorkerError](err); !ok || death.ExitCode != 4 {
		t.Errorf("exit: NewPool = %v", err)
	}
}

func TestMaxTasksPerChild(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, MaxTasksPerChild: 3})
	got, err := multiprocessing.Map(t.Context(), p, pid, make([]struct{}, 9), &multiprocessing.MapOptions{ChunkSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, pid := range got {
		count[pid]++
	}
	for pid, n := range count {
		if n != 3 {
			t.Errorf("worker %d ran %d tasks, want 3: %v", pid, n, got)
		}
	}
	for range 7 { // the synchronous way
		if _, err := multiprocessing.Apply(t.Context(), p, pid, struct{}{}); err != nil {
			t.Error(err)
		}
	}
	// A pool that is closed early still finishes.
	r := multiprocessing.MapAsync(t.Context(), p, square, make([]int, 10), &multiprocessing.AsyncOptions[[]int]{ChunkSize: 1})
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := r.Get(t.Context()); len(got) != 10 || err != nil {
		t.Errorf("after Join: %v, %v", got, err)
	}
}

func conformRetries(t *testing.T, ex multiprocessing.Executor) {
	tries := 0
	r := multiprocessing.ApplyAsync(t.Context(), ex, halve, 3, &multiprocessing.AsyncOptions[int]{
		Retries: 3,
		RetryIf: func(err error) bool { tries++; return errors.Is(err, errOdd) },
	})
	if _, err := r.Get(t.Context()); !errors.Is(err, errOdd) || tries != 3 {
		t.Errorf("Get = %v after %d errors, want 3 to be asked about", err, tries)
	}
}

func TestRetriesOfAClosedPool(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	r := multiprocessing.ApplyAsync(t.Context(), p, exitWith, 1, &multiprocessing.AsyncOptions[int]{Retries: 2})
	p.Close()
	if _, err := r.Get(t.Context()); err == nil {
		t.Error("exit: no error")
	}
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
}

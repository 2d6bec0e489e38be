package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var (
	join3 = multiprocessing.Register3("join3", func(_ context.Context, a int, b string, c bool) (string, error) {
		return fmt.Sprintf("%d%s %v", a, b, c), nil
	})
	leave = multiprocessing.Register("leave", func(_ context.Context, dir string) (struct{}, error) {
		return struct{}{}, os.WriteFile(filepath.Join(dir, fmt.Sprint(os.Getpid())), nil, 0o600)
	})
)

// The star verbs take apart pairs and triples; a callback gets the whole slice.
func TestStarmapVerbs(t *testing.T) {
	t.Parallel()
	for _, e := range executors {
		ex := e.open(t)
		triples := []multiprocessing.Args3[int, string, bool]{{A: 1, B: "a", C: true}, multiprocessing.Of3(2, "b", false)}
		want := []string{"1a true", "2b false"}
		if got, err := multiprocessing.Starmap(t.Context(), ex, join3, triples, nil); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: Starmap = %q, %v", e.name, got, err)
		}
		var told []int
		r := multiprocessing.StarmapAsync(t.Context(), ex, add, []multiprocessing.Args2[int, int]{{A: 1, B: 2}, {A: 3, B: 4}},
			&multiprocessing.AsyncOptions[[]int]{ChunkSize: 1, Callback: func(all []int) error { told = append(told, all...); return nil }})
		if got, err := r.Get(t.Context()); err != nil || !slices.Equal(got, []int{3, 7}) || !slices.Equal(told, got) {
			t.Errorf("%s: StarmapAsync = %v, %v; the callback got %v", e.name, got, err, told)
		}
		if ok, err := r.Successful(); !ok || err != nil || !r.Ready() {
			t.Errorf("%s: Successful = %v, %v, Ready = %v", e.name, ok, err, r.Ready())
		}
	}
}

// The pool's limit holds for tasks that have none of their own.
func TestTaskTimeoutOfThePool(t *testing.T) {
	t.Parallel()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 1, TaskTimeout: 20 * time.Millisecond})
	if _, err := multiprocessing.Apply(t.Context(), p, untilCancelled, ""); !errors.Is(err, multiprocessing.ErrTimeout) {
		t.Errorf("Apply = %v", err)
	}
	r := multiprocessing.ApplyAsync(t.Context(), p, untilCancelled, "", &multiprocessing.AsyncOptions[string]{Timeout: time.Hour})
	short, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	if r.Wait(short) {
		_, err := r.Get(t.Context())
		t.Errorf("a task with an hour of its own ended: %v", err)
	}
	r.Cancel(nil)
}

// Each worker that ends in order calls the finalizer.
func TestFinalizer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPool(t, &multiprocessing.PoolOptions{Workers: 2, Finalizer: leave.With(dir)})
	want := p.Pids()
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Errorf("Join = %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, e := range left {
		n, _ := strconv.Atoi(e.Name())
		got = append(got, n)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the finalizer ran in %v, the workers were %v", got, want)
	}
}

func TestCPUCount(t *testing.T) {
	t.Parallel()
	if n := multiprocessing.CPUCount(); n < 1 || n > runtime.NumCPU() {
		t.Errorf("CPUCount() = %d of %d", n, runtime.NumCPU())
	}
}

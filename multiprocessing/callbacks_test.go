package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

var ints = multiprocessing.Register("ints", func(_ context.Context, n int) ([]int, error) {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all, nil
})

// The program of the notes: what the callback wrote is read without a lock.
func conformCallbackReturnsBeforeWait(t *testing.T, ex multiprocessing.Executor) {
	var all []int
	var results []*multiprocessing.AsyncResult[[]int]
	for n := range 50 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), ex, ints, n, &multiprocessing.AsyncOptions[[]int]{
			Callback: func(v []int) error { all = append(all, v...); return nil },
		}))
	}
	for i, r := range results {
		if !r.Wait(t.Context()) {
			t.Fatalf("result %d is not ready", i)
		}
	}
	if len(all) != 50*49/2 {
		t.Errorf("%d numbers, want %d", len(all), 50*49/2)
	}
}

func conformMapCallbackGetsTheWholeSliceOnce(t *testing.T, ex multiprocessing.Executor) {
	var got [][]int
	r := multiprocessing.MapAsync(t.Context(), ex, square, []int{1, 2, 3}, &multiprocessing.AsyncOptions[[]int]{
		ChunkSize: 1,
		Callback:  func(v []int) error { got = append(got, slices.Clone(v)); return nil },
	})
	if v, err := r.Get(t.Context()); err != nil || !slices.Equal(v, []int{1, 4, 9}) {
		t.Errorf("Get = %v, %v", v, err)
	}
	if fmt.Sprint(got) != "[[1 4 9]]" {
		t.Errorf("callback got %v", got)
	}
}

func conformErrorCallback(t *testing.T, ex multiprocessing.Executor) {
	var got []error
	r := multiprocessing.ApplyAsync(t.Context(), ex, halve, 3, &multiprocessing.AsyncOptions[int]{
		Callback:      func(int) error { t.Error("callback called"); return nil },
		ErrorCallback: func(err error) error { got = append(got, err); return nil },
	})
	_, err := r.Get(t.Context())
	if len(got) != 1 || !errors.Is(err, errOdd) || !errors.Is(got[0], errOdd) {
		t.Errorf("Get = %v, callback got %v", err, got)
	}
	r = multiprocessing.ApplyAsync(t.Context(), ex, halve, 3, &multiprocessing.AsyncOptions[int]{
		ErrorCallback: func(error) error { return context.Canceled },
	})
	if _, err = r.Get(t.Context()); !errors.Is(err, errOdd) || !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v, want both errors", err)
	}
}

func conformCallbacksErrorAndPanicAreTheTasks(t *testing.T, ex multiprocessing.Executor) {
	mine := errors.New("mine")
	r := multiprocessing.ApplyAsync(t.Context(), ex, square, 3, &multiprocessing.AsyncOptions[int]{
		Callback: func(int) error { return mine },
	})
	if v, err := r.Get(t.Context()); !errors.Is(err, mine) || v != 0 {
		t.Errorf("Get = %v, %v", v, err)
	}
	r = multiprocessing.ApplyAsync(t.Context(), ex, square, 3, &multiprocessing.AsyncOptions[int]{
		Callback: func(int) error { panic("oh") },
	})
	_, err := r.Get(t.Context())
	if remote, ok := errors.AsType[*multiprocessing.RemoteError](err); !ok || !remote.Panic || remote.Message != "oh" {
		t.Errorf("Get = %v", err)
	}
	if v, err := multiprocessing.Apply(t.Context(), ex, square, 3); v != 9 || err != nil {
		t.Errorf("after it: %v, %v", v, err)
	}
}

func conformCallbacksDoNotOverlap(t *testing.T, ex multiprocessing.Executor) {
	var inside, calls atomic.Int32
	var results []*multiprocessing.AsyncResult[int]
	for i := range 200 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), ex, square, i, &multiprocessing.AsyncOptions[int]{
			Callback: func(int) error {
				if inside.Add(1) != 1 {
					t.Error("two callbacks at once")
				}
				calls.Add(1)
				inside.Add(-1)
				return nil
			},
		}))
	}
	for _, r := range results {
		r.Wait(t.Context())
	}
	if calls.Load() != 200 {
		t.Errorf("%d callbacks", calls.Load())
	}
}

func conformWaitingInACallbackIsAnError(t *testing.T, ex multiprocessing.Executor) {
	pool := ex.(interface {
		Close()
		Join(context.Context) error
	})
	var r *multiprocessing.AsyncResult[int]
	known := make(chan struct{})
	var get, join error
	r = multiprocessing.ApplyAsync(t.Context(), ex, square, 3, &multiprocessing.AsyncOptions[int]{
		Callback: func(int) error {
			<-known
			_, get = r.Get(t.Context())
			pool.Close()
			join = pool.Join(t.Context())
			return nil
		},
	})
	close(known)
	if _, err := r.Get(t.Context()); err != nil {
		t.Errorf("Get = %v", err)
	}
	if !errors.Is(get, multiprocessing.ErrInCallback) || !errors.Is(join, multiprocessing.ErrInCallback) {
		t.Errorf("in the callback: Get = %v, Join = %v", get, join)
	}
}

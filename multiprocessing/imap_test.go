package multiprocessing_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

func naturals(pulled *int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for n := 0; yield(n); n++ {
			*pulled = n + 1
		}
	}
}

func conformIMapIsLazyAndInOrder(t *testing.T, ex multiprocessing.Executor) {
	for _, chunk := range []int{1, 3} {
		var pulled, n int
		for v, err := range multiprocessing.IMap(t.Context(), ex, square, naturals(&pulled), &multiprocessing.IMapOptions{ChunkSize: chunk, Window: 5}) {
			if v != n*n || err != nil {
				t.Fatalf("item %d: %d, %v", n, v, err)
			}
			if pulled > n+chunk*6 {
				t.Fatalf("%d items pulled when %d were used", pulled, n)
			}
			if n++; n == 500 {
				break
			}
		}
		if n != 500 {
			t.Errorf("%d items", n)
		}
	}
}

func conformIMapEndsAndYieldsErrorsInTheirPlace(t *testing.T, ex multiprocessing.Executor) {
	var got []int
	for v, err := range multiprocessing.IMap(t.Context(), ex, halve, slices.Values([]int{2, 3, 4, 5, 6}), nil) {
		if err != nil {
			remote, ok := errors.AsType[*multiprocessing.RemoteError](err)
			if !ok || !errors.Is(err, errOdd) {
				t.Errorf("error %v", err)
			}
			v = -remote.Item
		}
		got = append(got, v)
	}
	if !slices.Equal(got, []int{1, -1, 2, -3, 3}) {
		t.Errorf("got %v", got)
	}
}

func conformIMapUnordered(t *testing.T, ex multiprocessing.Executor) {
	var got, want []int
	in := make([]int, 200)
	for i := range in {
		in[i] = i
		want = append(want, i*i)
	}
	for v, err := range multiprocessing.IMapUnordered(t.Context(), ex, square, slices.Values(in), &multiprocessing.IMapOptions{ChunkSize: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

var zeroOrWait = multiprocessing.Register("zeroOrWait", func(ctx context.Context, n int) (int, error) {
	if n > 0 {
		<-ctx.Done()
	}
	return n, nil
})

func TestLeavingIMapFreesThePool(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	for _, imap := range []func(context.Context, multiprocessing.Executor, multiprocessing.Func[int, int], iter.Seq[int], *multiprocessing.IMapOptions) iter.Seq2[int, error]{
		multiprocessing.IMap[int, int], multiprocessing.IMapUnordered[int, int],
	} {
		var pulled int
		for v, err := range imap(t.Context(), p, zeroOrWait, naturals(&pulled), nil) {
			if v != 0 || err != nil {
				t.Errorf("first result %v, %v", v, err)
			}
			break // while the others run
		}
		if v, err := multiprocessing.Apply(t.Context(), p, square, 3); v != 9 || err != nil {
			t.Errorf("Apply = %v, %v", v, err)
		}
	}
	p.Close()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
}

func conformIMapEndsWithItsCtx(t *testing.T, ex multiprocessing.Executor) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var errs []error
	var pulled int
	for v, err := range multiprocessing.IMap(ctx, ex, zeroOrWait, naturals(&pulled), nil) {
		if err != nil {
			errs = append(errs, err)
		}
		if v == 0 && err == nil {
			cancel(errOdd)
		}
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[0], errOdd) {
		t.Errorf("errors %v", errs)
	}
}

func TestIMapOfAMillionKeepsMemoryFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	p := newPool(t, workers(2))
	var pulled, n int
	var base, now runtime.MemStats
	for _, err := range multiprocessing.IMap(t.Context(), p, square, naturals(&pulled), &multiprocessing.IMapOptions{ChunkSize: 100}) {
		if err != nil {
			t.Fatal(err)
		}
		switch n++; n {
		case 10_000:
			runtime.GC()
			runtime.ReadMemStats(&base)
		case 1_000_000:
			runtime.GC()
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > base.HeapAlloc+4<<20 {
				t.Errorf("heap grew from %d to %d bytes", base.HeapAlloc, now.HeapAlloc)
			}
			return
		}
	}
}

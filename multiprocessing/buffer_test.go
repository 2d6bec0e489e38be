package multiprocessing_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

var (
	reverse = multiprocessing.Register("reverse", func(_ context.Context, b []byte) ([]byte, error) {
		slices.Reverse(b)
		return b, nil
	})
	fill = multiprocessing.Register2("fill", func(_ context.Context, size int, with byte) (*multiprocessing.Buffer, error) {
		b, err := multiprocessing.NewBuffer(size)
		if err == nil {
			copy(b.Bytes(), bytes.Repeat([]byte{with}, size))
		}
		return b, err
	})
	incrementAll = multiprocessing.Register("incrementAll", func(_ context.Context, b *multiprocessing.Buffer) (int, error) {
		for i := range b.Bytes() {
			b.Bytes()[i]++
		}
		return len(b.Bytes()), nil
	})
	echoBuffer = multiprocessing.Register("echoBuffer", func(_ context.Context, b *multiprocessing.Buffer) (*multiprocessing.Buffer, error) {
		return b, nil
	})
	wrapped = multiprocessing.Register("wrapped", func(_ context.Context, in struct{ B *multiprocessing.Buffer }) ([]byte, error) {
		return in.B.Bytes(), nil
	})
	echoStrings = multiprocessing.Register("echoStrings", func(_ context.Context, s []string) ([]string, error) { return s, nil })
)

func randomBytes(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func TestLargeValuesArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(2))
	for _, size := range []int{0, 1, 1 << 10, 64<<10 - 1, 64 << 10, 1 << 20, 1<<20 + 1, 9 << 20} {
		in := randomBytes(size)
		want := slices.Clone(in)
		slices.Reverse(want)
		for range 3 {
			got, err := multiprocessing.Apply(t.Context(), p, reverse, in)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes: %d came back, %v", size, len(got), err)
			}
		}
	}
	// Many at once, more than are kept to be used again, and of a kind that goes by CBOR.
	var results []*multiprocessing.AsyncResult[[]byte]
	in := randomBytes(200_000)
	for range 60 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), p, reverse, in, nil))
	}
	want := slices.Clone(in)
	slices.Reverse(want)
	for i, r := range results {
		if got, err := r.Get(t.Context()); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("result %d: %d bytes, %v", i, len(got), err)
		}
	}
	words := make([]string, 50_000)
	for i := range words {
		words[i] = string(in[i : i+10])
	}
	if got, err := multiprocessing.Apply(t.Context(), p, echoStrings, words); err != nil || !slices.Equal(got, words) {
		t.Errorf("strings: %d came back, %v", len(got), err)
	}
}

func TestLargeArgumentGoesToAnotherWorkerWhenOneDies(t *testing.T) {
	t.Parallel()
	p := newPool(t, workers(1))
	r := multiprocessing.ApplyAsync(t.Context(), p, exitWith, 1, nil)
	in := randomBytes(300_000)
	var results []*multiprocessing.AsyncResult[[]byte]
	for range 5 {
		results = append(results, multiprocessing.ApplyAsync(t.Context(), p, reverse, in, nil))
	}
	_, err := r.Get(t.Context())
	wantWorkerError(t, err)
	slices.Reverse(in) // it was taken as it was
	for _, r := range results {
		if got, err := r.Get(t.Context()); err != nil || !bytes.Equal(got, in) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

func TestBuffer(t *testing.T) {
	t.Parallel()
	onEach := func(t *testing.T, ex multiprocessing.Executor) {
		for _, size := range []int{0, 10, 3 << 20} {
			b, err := multiprocessing.NewBuffer(size)
			if err != nil {
				t.Fatal(err)
			}
			copy(b.Bytes(), bytes.Repeat([]byte{1}, size))
			for want := byte(2); want < 5; want++ { // the worker writes to the same memory
				if n, err := multiprocessing.Apply(t.Context(), ex, incrementAll, b); n != size || err != nil {
					t.Fatalf("%d bytes, %v", n, err)
				}
				if size > 0 && b.Bytes()[size-1] != want {
					t.Errorf("byte %d, want %d", b.Bytes()[size-1], want)
				}
			}
			echoed, err := multiprocessing.Apply(t.Context(), ex, echoBuffer, b)
			if err != nil || !bytes.Equal(echoed.Bytes(), b.Bytes()) {
				t.Errorf("echo: %v", err)
			}
			nested, err := multiprocessing.Apply(t.Context(), ex, wrapped, struct{ B *multiprocessing.Buffer }{b})
			if err != nil || !bytes.Equal(nested, b.Bytes()) {
				t.Errorf("inside a struct: %d bytes, %v", len(nested), err)
			}
			made, err := multiprocessing.Apply(t.Context(), ex, fill, multiprocessing.Of2(size, byte(7)))
			if err != nil || !bytes.Equal(made.Bytes(), bytes.Repeat([]byte{7}, size)) {
				t.Errorf("made in the worker: %v", err)
			}
			b.Release()
			made.Release()
			made.Release()
			if made.Bytes() != nil {
				t.Error("bytes after Release")
			}
		}
		if b, err := multiprocessing.Apply(t.Context(), ex, echoBuffer, nil); b.Bytes() != nil || err != nil {
			t.Errorf("nil: %v, %v", b, err)
		}
	}
	p := newPool(t, workers(1))
	onEach(t, p)
	released, _ := multiprocessing.NewBuffer(100)
	released.Release()
	if n, err := multiprocessing.Apply(t.Context(), p, incrementAll, released); n != 0 || err != nil && !errors.Is(err, multiprocessing.ErrEncoding) {
		t.Errorf("a released buffer: %d, %v", n, err)
	}
}

func BenchmarkLarge(b *testing.B) {
	const size = 64 << 20
	p := newPool(b, workers(1))
	b.Run("impl=bytes", func(b *testing.B) {
		in := make([]byte, size)
		b.SetBytes(size)
		for b.Loop() {
			if n, err := multiprocessing.Apply(b.Context(), p, length, in); n != size || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("impl=buffer", func(b *testing.B) {
		in, err := multiprocessing.NewBuffer(size)
		if err != nil {
			b.Fatal(err)
		}
		defer in.Release()
		b.SetBytes(size)
		for b.Loop() {
			if n, err := multiprocessing.Apply(b.Context(), p, bufferLength, in); n != size || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

var bufferLength = multiprocessing.Register("bufferLength", func(_ context.Context, b *multiprocessing.Buffer) (int, error) {
	defer b.Release()
	sum := 0
	for i := 0; i < len(b.Bytes()); i += 4096 { // each page has arrived
		sum += int(b.Bytes()[i])
	}
	return len(b.Bytes()) + sum, nil
})

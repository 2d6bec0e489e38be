package multiprocessing_test

import (
	"io"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// BenchmarkApply compares a task there and back with the naive rival: 40 bytes
// there and back over a socket pair to a process that only echoes them.
func BenchmarkApply(b *testing.B) {
	b.Run("impl=socketpair", func(b *testing.B) {
		conn := startEcho(b)
		buf := make([]byte, 40)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := conn.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(conn, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("impl=pool", func(b *testing.B) {
		p := newPool(b, workers(1))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := multiprocessing.Apply(b.Context(), p, square, 3); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkApplyAsync(b *testing.B) {
	p := newPool(b, workers(2))
	const n = 50_000
	results := make([]*multiprocessing.AsyncResult[int], n)
	for b.Loop() {
		for i := range results {
			results[i] = multiprocessing.ApplyAsync(b.Context(), p, square, i, nil)
		}
		for i, r := range results {
			if v, err := r.Get(b.Context()); v != i*i || err != nil {
				b.Fatal(v, err)
			}
		}
	}
	perTask(b, n)
}

func BenchmarkMap(b *testing.B) {
	p := newPool(b, workers(2))
	for name, bb := range map[string]struct{ n, chunk int }{"chunk=1": {50_000, 1}, "chunk=default": {1_000_000, 0}} {
		b.Run(name, func(b *testing.B) {
			in := make([]int, bb.n)
			for b.Loop() {
				if _, err := multiprocessing.Map(b.Context(), p, square, in, &multiprocessing.MapOptions{ChunkSize: bb.chunk}); err != nil {
					b.Fatal(err)
				}
			}
			perTask(b, bb.n)
		})
	}
}

func perTask(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/task")
}

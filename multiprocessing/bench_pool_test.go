package multiprocessing_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

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

// BenchmarkLate measures how late news is while two processes spin: that a worker
// was killed, and that a task's time is over.
func BenchmarkLate(b *testing.B) {
	busy := newPool(b, workers(2))
	for range 2 {
		multiprocessing.ApplyAsync(b.Context(), busy, spin, "", nil)
	}
	b.Run("news=death", func(b *testing.B) {
		p := newPool(b, workers(2))
		late(b, func() time.Duration {
			started := filepath.Join(b.TempDir(), "started")
			r := multiprocessing.ApplyAsync(b.Context(), p, untilCancelled, started, nil)
			awaitFile(b, started)
			pid := 0
			for _, w := range p.Stats().Workers {
				if w.Running != "" {
					pid = w.Pid
				}
			}
			process, err := os.FindProcess(pid)
			if err != nil {
				b.Fatal(err)
			}
			from := time.Now()
			_ = process.Kill()
			r.Wait(b.Context())
			return time.Since(from)
		})
	})
	b.Run("news=deadline", func(b *testing.B) {
		p := newPool(b, workers(2))
		const limit = 20 * time.Millisecond
		late(b, func() time.Duration {
			from := time.Now() // the start itself is a little later
			r := multiprocessing.ApplyAsync(b.Context(), p, untilCancelled, "", &multiprocessing.AsyncOptions[string]{Timeout: limit})
			r.Wait(b.Context())
			return time.Since(from) - limit
		})
	})
}

func late(b *testing.B, once func() time.Duration) {
	var all []time.Duration
	for b.Loop() {
		all = append(all, once())
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

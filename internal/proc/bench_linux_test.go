package proc

import "testing"

// BenchmarkSweep is one look for a tag among all processes of the machine.
func BenchmarkSweep(b *testing.B) {
	n := 0
	for range processes {
		n++
	}
	b.ReportMetric(float64(n), "processes")
	for b.Loop() {
		tagged{tag: "nobody."}.kill()
	}
}

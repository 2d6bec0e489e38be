package multiprocessing_test

import (
	"os/exec"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

func init() {
	programs["exit"] = func() int { return 0 }
}

// BenchmarkStartJoin compares the whole life of a Process with that of a bare exec
// of the same binary, which ends at the same place in TestMain.
func BenchmarkStartJoin(b *testing.B) {
	b.Run("impl=process", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := multiprocessing.NewProcess(nothing, none{}, nil)
			if err := p.Start(); err != nil {
				b.Fatal(err)
			}
			if err := p.Join(b.Context()); err != nil {
				b.Fatal(err)
			}
			if code, err := p.ExitCode(); code != 0 || err != nil {
				b.Fatal(code, err)
			}
		}
	})
	b.Run("impl=exec", func(b *testing.B) {
		b.ReportAllocs()
		env := programEnv("exit")
		for b.Loop() {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = env
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

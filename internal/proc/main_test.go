package proc

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/internal/leakcheck"
)

// programVar names what this test binary is to be instead of running tests.
const programVar = "QUARTET_TEST_PROGRAM"

func TestMain(m *testing.M) {
	var program string
	var mib int
	if n, _ := fmt.Sscan(os.Getenv(programVar), &program, &mib); n > 0 {
		if err := programs[program](mib << 20); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leakcheck.Run(m, &leakcheck.Options{
		IgnoreGoroutine: func(stack string) bool { return strings.Contains(stack, "proc.spawnForever") },
	}))
}

var programs = map[string]func(n int) error{
	"sentry": func(int) error { return ServeSentry(os.NewFile(3, "pipe"), os.Getenv(TreeVar)) },
	"allocate": limited(func(n int) {
		sink = make([]byte, n)
	}),
	"grow": limited(func(n int) {
		for len(sink) < n {
			sink = append(sink, make([]byte, 1<<20)...)
		}
	}),
	"churn": limited(func(n int) {
		for range n >> 20 {
			sink = make([]byte, 1<<20)
		}
	}),
	"hold": func(n int) error {
		sink = make([]byte, n)
		for i := range sink {
			sink[i] = 1
		}
		select {}
	},
}

var (
	sink  []byte
	sinks [][]byte
)

// limited lets f allocate n bytes in all within a limit of 128 MiB.
func limited(f func(n int)) func(n int) error {
	return func(n int) error {
		if err := LimitMemory(128 << 20); err != nil {
			return err
		}
		f(n)
		for range 10 { // what was allocated too much shows at the next collections
			runtime.GC()
			sinks = append(sinks, make([]byte, 1<<16))
		}
		fmt.Println("allocated", len(sink))
		return nil
	}
}

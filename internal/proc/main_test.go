package proc

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/internal/leakcheck"
)

// programVar names what this test binary is to be instead of running tests.
const programVar = "QUARTET_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch os.Getenv(programVar) {
	case "sentry":
		if err := ServeSentry(os.NewFile(3, "pipe"), os.Getenv(TreeVar)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leakcheck.Run(m, &leakcheck.Options{
		IgnoreGoroutine: func(stack string) bool { return strings.Contains(stack, "proc.spawnForever") },
	}))
}

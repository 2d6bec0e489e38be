package leakcheck_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/internal/leakcheck"
)

// plant names the leak that this test binary makes when it runs as its own child.
const plant = "LEAKCHECK_PLANT"

var plants = map[string]func(){
	"goroutine":  func() { go func() { <-make(chan struct{}) }() },
	"child":      func() { must(exec.Command("sleep", "5").Start()) },
	"descriptor": func() { kept, _ = os.Open(os.DevNull) },
	"tempfile": func() {
		f, err := os.CreateTemp("", "forgotten")
		must(err)
		must(f.Close())
	},
	"zombie": func() {
		cmd := exec.Command("true")
		out, err := cmd.StdoutPipe()
		must(err)
		must(cmd.Start())
		for buf := make([]byte, 1); err == nil; { // until it has ended
			_, err = out.Read(buf)
		}
		must(out.Close())
	},
	"nothing": func() {},
}

var kept *os.File

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestMain(m *testing.M) {
	var opts leakcheck.Options
	if os.Getenv(plant) != "" {
		opts.Patience = 300 * time.Millisecond // it waits in vain
	}
	os.Exit(leakcheck.Run(m, &opts))
}

// TestPlanted leaves something behind when its binary runs as a child of TestRun.
func TestPlanted(t *testing.T) {
	if what := os.Getenv(plant); what != "" {
		plants[what]()
	}
}

func TestRun(t *testing.T) {
	for what, seen := range map[string]string{
		"goroutine":  "leakcheck_test.init.func1",
		"child":      ": sleep 5",
		"descriptor": "1 more open descriptors of /dev/null",
		"tempfile":   "temporary file ",
		"zombie":     "zombie ",
		"nothing":    "",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS != "linux" && what != "goroutine" && what != "tempfile" && what != "nothing" {
				t.Skip("children and descriptors are seen on Linux only")
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestPlanted$")
			cmd.Env = append(os.Environ(), plant+"="+what)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (what == "nothing") {
				t.Errorf("exit: %v", err)
			}
			if !strings.Contains(string(out), seen) {
				t.Errorf("output has no %q:\n%s", seen, out)
			}
			if what == "nothing" && strings.Contains(string(out), "leakcheck:") {
				t.Errorf("nothing was left, reported:\n%s", out)
			}
		})
	}
}

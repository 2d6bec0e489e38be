package proc

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestLimitMemory(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("the race detector's memory counts as well")
	}
	for program, fits := range map[string]bool{
		"allocate 64":  true,
		"allocate 512": false,
		"grow 512":     false,
		"churn 2048":   true,
	} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), programVar+"="+program)
		out, _ := cmd.CombinedOutput()
		if strings.HasPrefix(string(out), "allocated") != fits || RanOutOfMemory(string(out)) == fits {
			t.Errorf("%s MiB within 128 MiB: %.300s", program, out)
		}
	}
}

func TestWatchMemory(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A descendant uses it, not the child itself.
	c := sh(t, path+"; exit 0", Spec{Env: append(os.Environ(), programVar+"=hold 96")})
	over := make(chan int64, 1)
	c.WatchMemory(96<<20, func(used int64) { over <- used })
	select {
	case used := <-over:
		if used <= 96<<20 {
			t.Errorf("over(%d) below the limit", used)
		}
	case <-c.Done():
		t.Error("the child ended")
	}
	c.KillTree()
	<-c.Done()
	if got := c.Memory(); got != 0 {
		t.Errorf("Memory() = %d after the end", got)
	}
}

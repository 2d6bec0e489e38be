package multiprocessing_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// allocates takes that many MiB at once and returns.
var allocates = multiprocessing.Register("allocates", func(_ context.Context, mib int) (none, error) {
	sink = make([]byte, mib<<20)
	return none{}, nil
})

// childFills lets a program of its own take memory.
var childFills = multiprocessing.Register("childFills", func(_ context.Context, _ none) (none, error) {
	return none{}, exec.Command("sh", "-c", "x=x; while :; do x=$x$x; done").Run()
})

func TestMemoryLimitOfAProcess(t *testing.T) {
	t.Parallel()
	var stderr strings.Builder
	limit := &multiprocessing.ProcessOptions{Memory: 128 << 20, Stderr: &stderr}
	for _, tt := range []struct {
		name   string
		p      *multiprocessing.Process
		within bool
	}{
		{"within", multiprocessing.NewProcess(allocates, 32, limit), true},
		{"at once", multiprocessing.NewProcess(fills, 1024, limit), false},
		{"in a program of its own", multiprocessing.NewProcess(childFills, none{}, limit), false},
		{"warm", multiprocessing.NewProcess(fills, 1024, &multiprocessing.ProcessOptions{
			Memory: 128 << 20, Stderr: &stderr, Start: newWarm(t, 1),
		}), false},
	} {
		code := join(t, start(t, tt.p))
		if (code == 0) != tt.within || tt.p.OutOfMemory() == tt.within {
			t.Errorf("%s: exit code %d, OutOfMemory() = %v, stderr %s", tt.name, code, tt.p.OutOfMemory(), stderr.String())
		}
	}
	other := start(t, multiprocessing.NewProcess(exits, 2, nil))
	if join(t, other); other.OutOfMemory() {
		t.Error("OutOfMemory() of a process that chose its code")
	}
}

func TestCgroupThatIsNone(t *testing.T) {
	t.Parallel()
	p := multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Memory: 1 << 30, Cgroup: os.TempDir()})
	if err := p.Start(); !errors.Is(err, errors.ErrUnsupported) || p.IsAlive() {
		t.Errorf("Start() = %v, want ErrUnsupported", err)
	}
}

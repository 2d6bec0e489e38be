package multiprocessing_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

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

// hoards takes memory that only a control group counts: neither data nor mapped.
var hoards = multiprocessing.Register("hoards", func(_ context.Context, mib int) (string, error) {
	fd, err := unix.MemfdCreate("hoard", unix.MFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	hoard := os.NewFile(uintptr(fd), "hoard")
	defer hoard.Close()
	for range mib {
		if _, err := hoard.Write(make([]byte, 1<<20)); err != nil {
			return "", err
		}
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	return string(groups), err
})

func TestCgroup(t *testing.T) {
	t.Parallel()
	parent := "/sys/fs/cgroup/memory"
	if _, err := os.Stat(parent); err != nil {
		parent = "/sys/fs/cgroup"
	}
	p, err := multiprocessing.NewPool(t.Context(), &multiprocessing.PoolOptions{Workers: 1, MemoryLimit: 128 << 20, Cgroup: parent})
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		t.Skip("no control group for tests to use:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Terminate()
	groups, err := multiprocessing.Apply(t.Context(), p, hoards, 8)
	if err != nil || !strings.Contains(groups, "/quartet-") {
		t.Errorf("within its limit: in the groups %s, %v", groups, err)
	}
	for range 2 { // the second in the worker that replaces the first
		if _, err := multiprocessing.Apply(t.Context(), p, hoards, 256); !errors.Is(err, multiprocessing.ErrMemory) {
			t.Errorf("beyond its limit: %v, want ErrMemory", err)
		}
	}
	if groups, err = multiprocessing.Apply(t.Context(), p, hoards, 1); err != nil {
		t.Error(err)
	}
	p.Terminate()
	if err := p.Join(t.Context()); err != nil {
		t.Error(err)
	}
	_, group, _ := strings.Cut(groups, "/quartet-")
	group, _, _ = strings.Cut(group, "\n")
	if _, err := os.Stat(filepath.Join(parent, "quartet-"+group)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end of the pool its group %s is still there: %v", group, err)
	}
}

func TestCgroupThatIsNone(t *testing.T) {
	t.Parallel()
	p := multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Memory: 1 << 30, Cgroup: os.TempDir()})
	if err := p.Start(); !errors.Is(err, errors.ErrUnsupported) || p.IsAlive() {
		t.Errorf("Start() = %v, want ErrUnsupported", err)
	}
}

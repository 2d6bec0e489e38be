package multiprocessing_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// hasChildren starts a program that stays, and one that left for a session of its
// own, and prints their process ids.
var hasChildren = multiprocessing.Register("hasChildren", func(ctx context.Context, _ none) (none, error) {
	for _, script := range []string{"exec sleep 1000", "setsid sh -c 'echo $$; exec sleep 1000' & exit"} {
		cmd := exec.Command("sh", "-c", script)
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			return none{}, err
		}
		if strings.HasPrefix(script, "exec") {
			fmt.Println(cmd.Process.Pid)
		}
	}
	select {}
})

// family is a running process whose descendants are pids.
type family struct {
	*multiprocessing.Process
	pids []int
	out  *bufio.Scanner
}

func startFamily(t *testing.T) family {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	f := family{
		Process: start(t, multiprocessing.NewProcess(hasChildren, none{}, &multiprocessing.ProcessOptions{Stdout: w})),
		out:     bufio.NewScanner(r),
	}
	for range 2 {
		var pid int
		if !f.out.Scan() {
			t.Fatal("no descendants")
		}
		fmt.Sscan(f.out.Text(), &pid)
		f.pids = append(f.pids, pid)
	}
	return f
}

// alive counts the descendants that live.
func (f family) alive() (n int) {
	for _, pid := range f.pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !strings.Contains(string(stat), ") Z ") {
			n++
		}
	}
	return n
}

// gone waits until no descendant lives.
func (f family) gone(t *testing.T) {
	t.Helper()
	eventually(t, func() bool { return f.alive() == 0 },
		func() string { return fmt.Sprintf("%d descendants live", f.alive()) })
}

func TestTerminateAndKillEndTheTree(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*multiprocessing.Process) error{
		"Terminate": (*multiprocessing.Process).Terminate,
		"Kill":      (*multiprocessing.Process).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFamily(t)
			if err := end(f.Process); err != nil {
				t.Fatal(err)
			}
			f.gone(t)
			if got := join(t, f.Process); got != -15 && got != -9 {
				t.Errorf("exit code %d", got)
			}
		})
	}
}

func TestTerminateOnlyLeavesOrphans(t *testing.T) {
	t.Parallel()
	f := startFamily(t)
	if err := f.TerminateOnly(); err != nil {
		t.Fatal(err)
	}
	if got := join(t, f.Process); got != -15 {
		t.Errorf("exit code %d, want -15", got)
	}
	if got := f.alive(); got != 2 {
		t.Errorf("%d descendants live, want both, as orphans", got)
	}
	if err := f.Kill(); err != nil { // reaches what the process left behind
		t.Fatal(err)
	}
	f.gone(t)
}

// inDaemon tries to start a process.
var inDaemon = multiprocessing.Register("inDaemon", func(context.Context, none) (none, error) {
	return none{}, multiprocessing.NewProcess(nothing, none{}, nil).Start()
})

func TestDaemonHasNoChildren(t *testing.T) {
	t.Parallel()
	var stderr strings.Builder
	p := start(t, multiprocessing.NewProcess(inDaemon, none{}, &multiprocessing.ProcessOptions{
		Name: "d", Daemon: new(true), Stderr: &stderr,
	}))
	if got := join(t, p); got != 1 {
		t.Errorf("exit code %d, want 1", got)
	}
	if got, want := stderr.String(), "Process d: "+multiprocessing.ErrDaemonHasChildren.Error()+"\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

// nested starts a process that starts a process, and so on, and prints what each is.
var nested multiprocessing.Func[int, none]

func init() {
	nested = multiprocessing.Register("nested", func(ctx context.Context, depth int) (none, error) {
		fmt.Println(multiprocessing.CurrentProcess().Name)
		if depth == 0 {
			return none{}, nil
		}
		p := multiprocessing.NewProcess(nested, depth-1, nil)
		if err := p.Start(); err != nil {
			return none{}, err
		}
		return none{}, p.Join(ctx)
	})
}

func TestProcessesInsideProcesses(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := start(t, multiprocessing.NewProcess(nested, 3, &multiprocessing.ProcessOptions{Name: "top", Stdout: &out}))
	if got := join(t, p); got != 0 {
		t.Errorf("exit code %d", got)
	}
	lines := strings.Fields(out.String())
	if len(lines) != 4 || lines[0] != "top" || !strings.HasSuffix(lines[3], ":1:1:1") {
		t.Errorf("names %q, want top, Process-N:1, Process-N:1:1, Process-N:1:1:1", lines)
	}
}

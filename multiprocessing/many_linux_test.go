package multiprocessing_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// A hundred that end at once, then a hundred that are terminated; fewer with -race.
func TestManyProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts 200 processes")
	}
	t.Parallel()
	const n = 100 / slower
	var quick, slow [n]*multiprocessing.Process
	for i := range n {
		quick[i] = start(t, multiprocessing.NewProcess(exits, i, nil))
	}
	for i, p := range quick {
		if got := join(t, p); got != i {
			t.Errorf("exit code %d, want %d", got, i)
		}
	}
	for i := range n {
		slow[i] = start(t, multiprocessing.NewProcess(forever, none{}, nil))
	}
	for _, p := range slow {
		if err := p.TerminateOnly(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range slow {
		if got := join(t, p); got != -15 {
			t.Errorf("exit code %d, want -15", got)
		}
	}
}

var listsFiles = multiprocessing.Register("listsFiles", func(context.Context, none) (none, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	var kinds []string
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); err == nil {
			kind, _, _ := strings.Cut(target, ":[")
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	fmt.Println(kinds)
	return none{}, err
})

// A child has its own connection and nothing of its siblings', however many there are.
func TestChildrenHoldNothingOfEachOther(t *testing.T) {
	t.Parallel()
	list := func() string {
		var out strings.Builder
		if got := join(t, start(t, multiprocessing.NewProcess(listsFiles, none{}, &multiprocessing.ProcessOptions{Stdout: &out}))); got != 0 {
			t.Errorf("exit code %d", got)
		}
		return out.String()
	}
	first := list()
	if got := strings.Count(first, "socket"); got != 1 {
		t.Errorf("the first child holds %d sockets, want 1: %s", got, first)
	}
	for range 5 {
		start(t, multiprocessing.NewProcess(forever, none{}, nil))
	}
	if got := list(); got != first {
		t.Errorf("with five siblings a child holds %s, without %s", got, first)
	}
}

// Starts from many goroutines, which block signals, locks and threads as they like.
func TestStartsFromManyGoroutines(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			p := multiprocessing.NewProcess(exits, i, nil)
			if err := p.Start(); err != nil {
				t.Error(err)
				return
			}
			if err := p.Join(t.Context()); err != nil {
				t.Error(err)
			}
			if code, err := p.ExitCode(); code != i || err != nil {
				t.Errorf("ExitCode() = %d, %v, want %d", code, err, i)
			}
		})
	}
	wg.Wait()
}

// A child of another program that calls Main, here the same under another name.
func TestCommand(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	p := start(t, multiprocessing.NewProcess(printsArgs, none{}, &multiprocessing.ProcessOptions{
		Command: []string{self, "-an", "argument"}, Stdout: &out,
	}))
	if got := join(t, p); got != 0 {
		t.Errorf("exit code %d", got)
	}
	if got, want := out.String(), fmt.Sprintf("%q\n", []string{self, "-an", "argument"}); got != want {
		t.Errorf("printed %s, want %s", got, want)
	}
	p = multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Command: []string{"no-such-program-anywhere"}})
	if err := p.Start(); err == nil || p.Pid() != 0 {
		t.Errorf("Start() of a program that is not there = %v", err)
	}
}

var printsArgs = multiprocessing.Register("printsArgs", func(context.Context, none) (none, error) {
	fmt.Printf("%q\n", os.Args)
	return none{}, nil
})

func init() {
	// A host whose main does not call Main starts another program that does.
	programs["host"] = func() int {
		p := multiprocessing.NewProcess(busy, os.Args[1], &multiprocessing.ProcessOptions{
			Command: []string{os.Args[0]}, Env: []string{scenarioVar + "="},
		})
		if err := p.Start(); err != nil {
			fmt.Println(err)
			return 1
		}
		_ = p.Join(context.Background())
		return 0
	}
	// A program that never calls Main.
	programs["stranger"] = func() int { select {} }
}

func TestCommandOfAHostWithoutMain(t *testing.T) {
	t.Parallel()
	p := run(t, "host", "detached grandchild")
	if got := p.line(t); got != "ready" {
		t.Fatalf("printed %s", got)
	}
	p.Process.Kill()
	_ = p.Wait()
	p.gone(t, orphanLimit)
}

// A program that never calls Main is killed, and not let run for ever.
func TestChildThatDoesNotReachMain(t *testing.T) {
	t.Parallel()
	p := start(t, multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{
		Env: []string{scenarioVar + "=stranger"}, Boot: 1, // at once
	}))
	if got := join(t, p); got != -9 {
		t.Errorf("exit code %d, want -9", got)
	}
}

// The binary of go run is deleted while it runs; that of go test -cover and -race is
// built otherwise.
func TestParentsOfEveryKind(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	t.Parallel()
	kinds := map[string][]string{
		"go run":         {"run", "./testdata/kind"},
		"deleted binary": {"run", "./testdata/kind", "delete"},
	}
	if os.Getenv("QUARTET_SOAK") != "" { // these build the standard library anew
		kinds["go run -race"] = []string{"run", "-race", "./testdata/kind"}
		kinds["go run -cover"] = []string{"run", "-cover", "./testdata/kind"}
	}
	for name, args := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("go", args...)
			cmd.Env = append(os.Environ(), "GOCOVERDIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if got, want := string(out), "<Process name='Process-1' pid=N parent=N stopped exitcode=3>\n"; got != want || err != nil {
				t.Errorf("printed %s, %v, want %s", got, err, want)
			}
		})
	}
}

package multiprocessing_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/internal/leakcheck"
	"github.com/quartet-go/quartet/multiprocessing"
)

// scenarioVar names a program of the map programs that this test binary is to be
// instead of running tests.
const scenarioVar = "QUARTET_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv(scenarioVar)]; ok {
		os.Exit(program())
	}
	os.Exit(multiprocessing.Main(func() int {
		// The first child starts what stays up to the end of Main: the sentry and
		// the thread that starts children.
		p := multiprocessing.NewProcess(nothing, none{}, nil)
		switch err := p.Start(); {
		case errors.Is(err, errors.ErrUnsupported):
			fmt.Println("no test runs here:", err)
			return 0
		case err != nil:
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		_ = p.Join(context.Background())
		return leakcheck.Run(m, nil)
	}))
}

// A program is a whole process tree that a test runs beside itself, to end it in
// ways in which a test cannot end.
type program struct {
	*exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// run starts a program; its standard output is read by line and then watched.
func run(t *testing.T, name string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = programEnv(name)
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = w
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	p.lines = bufio.NewScanner(r)
	t.Cleanup(func() {
		p.Process.Kill()
		_ = p.Wait()
		r.Close()
		stderr.Close()
		if said, _ := os.ReadFile(stderr.Name()); t.Failed() {
			t.Logf("stderr of the program: %s", said)
		}
	})
	return p
}

// programEnv is the environment that makes this test binary a program, which does not
// sleep before it exits if it is built with -race.
func programEnv(name string) []string {
	return append(os.Environ(), scenarioVar+"="+name, "GORACE=atexit_sleep_ms=0")
}

// line returns the next line of the program's standard output.
func (p *program) line(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("the program's output ended early: %v", p.lines.Err())
	}
	return p.lines.Text()
}

// gone waits until no process of the program's tree is left that holds its output.
func (p *program) gone(t *testing.T, limit time.Duration) {
	t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		for p.lines.Scan() {
		}
	}()
	select {
	case <-over:
	case <-time.After(limit):
		t.Errorf("descendants live %v after the end of their parent", limit)
		p.Process.Kill()
	}
}

// eventually looks until holds is true, and fails with what why says if it is not
// within a time that no machine needs.
func eventually(t *testing.T, holds func() bool, why func() string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal(why())
		}
		<-time.After(time.Millisecond)
	}
}

var programs = map[string]func() int{
	"no main": func() int {
		err := multiprocessing.NewProcess(nothing, none{}, nil).Start()
		fmt.Println(errors.Is(err, multiprocessing.ErrMainNotCalled))
		return 0
	},
	"run": func() int {
		return multiprocessing.Main(func() int { fmt.Println("run"); return 5 })
	},
	"ends": func() int {
		return multiprocessing.Main(func() int {
			daemon := multiprocessing.NewProcess(forever, none{}, &multiprocessing.ProcessOptions{Daemon: new(true)})
			other := multiprocessing.NewProcess(printsLate, "joined", nil)
			if err := errors.Join(daemon.Start(), other.Start()); err != nil {
				fmt.Println(err)
			}
			return 4
		})
	},
}

var printsLate = multiprocessing.Register("printsLate", func(_ context.Context, s string) (none, error) {
	<-time.After(50 * time.Millisecond)
	fmt.Println(s)
	return none{}, nil
})

func TestMainInTheParent(t *testing.T) {
	t.Parallel()
	p := run(t, "run")
	if got := p.line(t); got != "run" {
		t.Errorf("run printed %q", got)
	}
	_ = p.Wait()
	if got := p.ProcessState.ExitCode(); got != 5 {
		t.Errorf("exit code %d, want run's 5", got)
	}
}

func TestMainEndsDaemonsAndJoinsTheOthers(t *testing.T) {
	t.Parallel()
	p := run(t, "ends")
	if got := p.line(t); got != "joined" {
		t.Errorf("before the end: %q, want what the process prints that is not a daemon", got)
	}
	p.gone(t, time.Minute)
	_ = p.Wait()
	if got := p.ProcessState.ExitCode(); got != 4 {
		t.Errorf("exit code %d, want 4", got)
	}
}

func TestStartOutsideMain(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"", "QUARTET_CHILD=process:0123"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(programEnv("no main"), env)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "true\n" {
			t.Errorf("with %q: Start() is ErrMainNotCalled: %s, %v", env, out, err)
		}
	}
}

// A process that is marked as a child and was not started by us must not run the
// program once more.
func TestMarkedWithoutParent(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"process", "worker", "sentry", "other"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(programEnv("run"), "QUARTET_CHILD="+role+":0123")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = []*os.File{r}
		w.Close()
		out, _ := cmd.CombinedOutput()
		r.Close()
		if got := cmd.ProcessState.ExitCode(); got != 70 || strings.Contains(string(out), "run\n") {
			t.Errorf("%s: exit code %d, output %q, want 70 and no run", role, got, out)
		}
	}
}

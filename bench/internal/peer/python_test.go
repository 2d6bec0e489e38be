package peer

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

// usePython writes a shell script that stands for the interpreter: what it does
// is told by script. It sees -B FILE CASE N ARGS.
func usePython(t *testing.T, script string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QUARTET_BENCH_PYTHON", name)
	t.Setenv("TMPDIR", t.TempDir())
}

// noTemp fails the test if a folder of a peer is left.
func noTemp(t *testing.T) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPythonRounds(t *testing.T) {
	usePython(t, `
test -f "$2" || exit 3
echo '{"ready": true}'
while read -r line; do echo "{\"seconds\": 0.5, \"count\": $4, \"digest\": \"$3-$5-$line\"}"; done`)
	r, err := Python("pools.py", "apply", "more")(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	want := measure.Result{Amount: 0.5, Work: measure.Work{Count: 7, Digest: "apply-more-round"}}
	for range 3 {
		if got, err := r.Round(t.Context()); err != nil || got != want {
			t.Errorf("round gave %v, %v; want %v", got, err, want)
		}
	}
	r.Close()
	r.Close()
	noTemp(t)
}

func TestPythonSkips(t *testing.T) {
	usePython(t, `echo '{"skip": "No module named uvloop"}'`)
	if _, err := Python("loops.py", "step")(t.Context(), 1); !errors.Is(err, measure.ErrSkip) || !strings.Contains(err.Error(), "uvloop") {
		t.Errorf("error %v, want a skip that names uvloop", err)
	}
	noTemp(t)
	t.Setenv("QUARTET_BENCH_PYTHON", "/nowhere/python")
	if _, err := Python("loops.py", "step")(t.Context(), 1); !errors.Is(err, measure.ErrSkip) {
		t.Errorf("error %v without an interpreter, want a skip", err)
	}
}

func TestPythonDies(t *testing.T) {
	usePython(t, `echo '{"ready": true}'; read -r line; echo first >&2; echo "KeyError: 'x'" >&2; exit 1`)
	r, err := Python("pools.py", "apply")(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "KeyError: 'x'") {
		t.Errorf("error %v, want the exit and the last line of stderr", err)
	}
}

func TestPythonTalksNonsense(t *testing.T) {
	usePython(t, `echo '{"ready": true}'; read -r line; echo hello`)
	r, err := Python("pools.py", "apply")(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "hello") {
		t.Errorf("error %v, want one that quotes the answer", err)
	}
}

func TestPythonThatHangsIsKilledWithItsChildren(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	t.Setenv("PID_FILE", pidFile)
	usePython(t, `echo '{"ready": true}'; sleep 600 & echo $! > "$PID_FILE"; read -r line; sleep 600`)
	r, err := Python("pools.py", "apply")(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("too slow"))
	defer cancel()
	if _, err := r.Round(ctx); err == nil || err.Error() != "too slow" {
		t.Errorf("error %v, want the cause", err)
	}
	r.Close()
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); alive(strings.TrimSpace(string(pid))); {
		if time.Now().After(deadline) {
			t.Fatalf("child %s lives", pid)
		}
		time.Sleep(time.Millisecond)
	}
}

// alive reports whether the process exists and is no zombie.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestRealPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	t.Setenv("QUARTET_BENCH_PYTHON", python)
	r, err := Python("pools.py", "map_chunk1")(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	res, err := r.Round(t.Context())
	if err != nil || res.Count != 100 || res.Amount <= 0 {
		t.Errorf("round gave %v, %v", res, err)
	}
}

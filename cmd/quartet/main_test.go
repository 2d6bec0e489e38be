package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quartet-go/quartet/internal/leakcheck"
)

// TestMain makes this binary a quartet for the scripts, and for the children of
// that quartet, which are its own binary again: workers by the same name, and the
// sentry that sees to their end by another.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"quartet": main, "quartet-sentry": main})
}

type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	_ = flag.Set("test.parallel", "6") // they wait more than they work
	return leakcheck.Run(l.m, nil)
}

// TestScripts runs testdata/script/*.txtar. Each has a server of its own at
// $URL; see server_test.go.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			server := newServer()
			env.Defer(server.Close)
			env.Setenv("URL", server.URL)
			env.Setenv("HOST", server.Listener.Addr().String())
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":  exits,
			"expand": expand,
		},
	})
}

// exits CODE PROGRAM ARG... runs a program that must end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// expand FILE... replaces variables such as $URL in files.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// Command quartet fetches many URLs at once, writes each to a file, and works on
// each file in a process that can be stopped.
//
//	quartet fetch -d out --digest sha256 https://example.org/a https://example.org/b
//	quartet fetch -d out -i urls.txt --exec 'gzip -t {}' --work-timeout 10s --work-memory 512M
//	quartet demo
//
// Its exit code is 0 if all went well, 1 if some items failed, 2 if it was called
// wrongly, 3 if it was stopped early (Ctrl-C), 124 at the end of --max-time, 130
// after a second Ctrl-C and 143 after SIGTERM.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/quartet-go/quartet/multiprocessing"
)

// Exit codes.
const (
	exitOK         = 0
	exitFailed     = 1   // some items failed, or the job could not be done
	exitUsage      = 2   // the command was called wrongly
	exitStopped    = 3   // stopped early
	exitDeadline   = 124 // --max-time
	exitInterrupt  = 130 // a second Ctrl-C
	exitTerminated = 143 // SIGTERM
)

func main() {
	os.Exit(multiprocessing.Main(func() int { return run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr) }))
}

// An exit is an error that says with which code to end.
type exit struct {
	code int
	err  error // to be told on stderr, or nil if it has been
}

func (e *exit) Error() string { return fmt.Sprintf("exit code %d: %v", e.code, e.err) }
func (e *exit) Unwrap() error { return e.err }

// run is the command: it returns the code to exit with.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		// Little is alive at a time and much passes: the default collects without
		// end, at a third of all CPU time for small files.
		debug.SetGCPercent(400)
	}
	root := &cobra.Command{
		Use:   "quartet",
		Short: "Fetch many URLs at once and work on each file in a process that can be stopped",
		// Errors and how they are told are ours.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newFetch(), newDemo())
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[*exit](err); ok {
		if e.err != nil {
			fmt.Fprintf(stderr, "quartet: %v\n", e.err)
		}
		return e.code
	}
	// All other errors are cobra's, or of flags and arguments.
	fmt.Fprintf(stderr, "quartet: %v\nSee '%s --help'.\n", err, cmd.CommandPath())
	return exitUsage
}

// Package proc starts child processes that cannot be lost.
//
// On Linux a [Child] is started from one thread that never ends, dies with this
// process, leads a process group, is waited for without a thread of its own,
// and is found again with all its descendants by the tree tag in its
// environment. A [Sentry] kills what is left of the trees when this process is
// gone. Elsewhere what the system lacks is an error that matches
// [errors.ErrUnsupported].
package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// TreeVar is the environment variable that holds the tag of the tree a process
// belongs to. A tag ends with a dot, and the tag of a tree begins with the tag
// of the tree it grew in: "5f0c.3.1." is inside "5f0c.3.".
const TreeVar = "QUARTET_TREE"

// Spec says what to start.
type Spec struct {
	// Path is the program, not looked up in PATH.
	Path string
	// Args is the whole argument vector. Default: Path alone.
	Args []string
	// Env is the whole environment but for TreeVar. Default: [os.Environ].
	Env []string
	// Dir is the working directory. Default: this process's own.
	Dir string
	// Stdin, Stdout and Stderr are the child's. Default: the null device.
	Stdin, Stdout, Stderr *os.File
	// Files are the child's descriptors from 3 on.
	Files []*os.File

	// Tree is the tag of the child's tree. Default: none, and then only a
	// descendant that is still linked to the child is found.
	Tree string
	// Sentry is told of the child's process group while the child lives.
	// Default: none.
	Sentry *Sentry
	// Detached starts the child in a session of its own and lets it outlive
	// this process: for the sentry.
	Detached bool
}

// A State tells how a child ended.
type State struct {
	// Code is the exit code, or -1 when a signal ended the child, or 255 when nobody
	// knows, because a wait for any child, elsewhere in this process, took it away.
	Code int
	// Signal is the signal that ended the child, or 0.
	Signal syscall.Signal
	// Core reports whether it left a core dump.
	Core bool
	// User and System are its CPU times, with those of the children it waited for.
	User, System time.Duration
	// MaxRSS is its largest resident size in bytes, 0 where unknown.
	MaxRSS int64
}

// String returns "exit code 3" or "signal killed".
func (s State) String() string {
	switch {
	case s.Signal != 0 && s.Core:
		return fmt.Sprintf("signal %v (core dumped)", s.Signal)
	case s.Signal != 0:
		return fmt.Sprintf("signal %v", s.Signal)
	default:
		return fmt.Sprintf("exit code %d", s.Code)
	}
}

// Done returns a channel that is closed when the child has ended and State is known.
func (c *Child) Done() <-chan struct{} { return c.done }

// State tells how the child ended. It is valid after Done.
func (c *Child) State() State { return c.state }

// withTree returns env with tag as its only TreeVar.
func withTree(env []string, tag string) []string {
	out := make([]string, 0, len(env)+1)
	for _, kv := range env {
		if !strings.HasPrefix(kv, TreeVar+"=") {
			out = append(out, kv)
		}
	}
	if tag != "" {
		out = append(out, TreeVar+"="+tag)
	}
	return out
}

// stdio returns the child's descriptors from 0 on, and the null device if it
// had to be opened, for the caller to close.
func (s *Spec) stdio() (files []*os.File, null *os.File, err error) {
	files = append([]*os.File{s.Stdin, s.Stdout, s.Stderr}, s.Files...)
	for i, f := range files[:3] {
		if f != nil {
			continue
		}
		if null == nil {
			if null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
				return nil, nil, err
			}
		}
		files[i] = null
	}
	return files, null, nil
}

func unsupported(what string) error {
	return fmt.Errorf("proc: %s on %s: %w", what, runtime.GOOS, errors.ErrUnsupported)
}

package multiprocessing

import (
	"fmt"
	"os"
	"strings"
)

// A ProcessInfo tells what a process knows of itself.
type ProcessInfo struct {
	// Name is MainProcess in the parent of all, the name of a [Process] when it was
	// started in that process, or a pool worker's.
	Name string
	// Pid is the process id.
	Pid int
	// Parent is the process id of the parent, 0 in the parent of all.
	Parent int
	// Daemon reports whether the process ends with its creator and may have no
	// children.
	Daemon bool
}

// String describes the process as Python does: <_MainProcess name='MainProcess'
// parent=None started>.
func (i ProcessInfo) String() string {
	if i.Parent == 0 {
		return fmt.Sprintf("<_MainProcess name=%s parent=None started>", quote(i.Name))
	}
	s := fmt.Sprintf("<Process name=%s parent=%d started", quote(i.Name), i.Parent)
	if i.Daemon {
		s += " daemon"
	}
	return s + ">"
}

// CurrentProcess tells what this process is.
//
// Python: multiprocessing.current_process.
func CurrentProcess() ProcessInfo {
	b := here.self()
	if b.Name == "" {
		b.Name = "MainProcess"
	}
	return ProcessInfo{Name: b.Name, Pid: os.Getpid(), Parent: b.ParentPid, Daemon: b.Daemon}
}

// ActiveChildren returns the processes of this process that were started and have
// not ended, in the order of their start. Pool workers are not among them.
//
// Python: multiprocessing.active_children.
func ActiveChildren() Processes { return here.active() }

// Processes is a slice of processes that prints as Python's list of them does:
// [<Process name='Process-1' pid=8764 parent=11336 started>, ...].
type Processes []*Process

// String joins the texts of the processes by commas, in brackets.
func (ps Processes) String() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.String()
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

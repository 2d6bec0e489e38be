package proc

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// SignalTree sends sig once to the child and to every descendant: those linked to
// it by their parents, and those that carry its tree tag. After the child's end it
// reaches the rest.
func (c *Child) SignalTree(sig os.Signal) error {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return unsupported("signal " + sig.String())
	}
	tagged{tag: c.tree, spare: c.signalLinked(s)}.signal(s)
	return nil
}

// KillTree kills the child and every descendant, and looks again until none is
// left. What it cannot find is a process that left the group, lost its parent
// and cleared its environment.
func (c *Child) KillTree() {
	c.signalLinked(syscall.SIGKILL)
	tagged{tag: c.tree}.kill()
}

// signalLinked signals the child, its group, and the descendants that are linked
// to it, which are collected first: the links vanish with the parents. It returns
// the processes that need no further signal.
func (c *Child) signalLinked(sig syscall.Signal) (seen []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return nil
	}
	kin := descendants(c.pid)
	_ = c.signalLocked(sig)
	seen = append(seen, c.pid)
	for _, k := range kin {
		_ = unix.PidfdSendSignal(k.pidfd, sig, nil, 0)
		unix.Close(k.pidfd)
		seen = append(seen, k.pid)
	}
	if sig == syscall.SIGKILL {
		killGroup(c.pid)
	}
	return seen
}

// A relative is a descendant, held by a pidfd that cannot come to mean another.
type relative struct {
	pid, pidfd int
}

// descendants walks the links from parents to children below pid, which the
// caller must know to be alive or unreaped.
func descendants(pid int) (kin []relative) {
	parents := []int{pid}
	for len(parents) > 0 {
		parent := parents[0]
		parents = parents[1:]
		for _, child := range childrenOf(parent) {
			fd, err := unix.PidfdOpen(child, 0)
			if err != nil {
				continue
			}
			st, ok := readStat(child)
			if !ok || st.ppid != parent { // it ended, and its number may be another's
				unix.Close(fd)
				continue
			}
			kin = append(kin, relative{pid: child, pidfd: fd})
			parents = append(parents, child)
		}
	}
	return kin
}

// childrenOf lists the children of all threads of pid.
func childrenOf(pid int) (children []int) {
	dir := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, _ := os.ReadDir(dir)
	for _, t := range threads {
		list, err := os.ReadFile(dir + t.Name() + "/children")
		if err != nil {
			if os.IsNotExist(err) && t.Name() == strconv.Itoa(pid) {
				return childrenByScan(pid) // a kernel without this file
			}
			continue
		}
		for field := range bytes.FieldsSeq(list) {
			if n, err := strconv.Atoi(string(field)); err == nil {
				children = append(children, n)
			}
		}
	}
	return children
}

func childrenByScan(parent int) (children []int) {
	for pid := range processes {
		if st, ok := readStat(pid); ok && st.ppid == parent {
			children = append(children, pid)
		}
	}
	return children
}

// processes yields the ids of all processes that can be seen.
func processes(yield func(pid int) bool) {
	dir, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && !yield(pid) {
			return
		}
	}
}

// stat is what is used of /proc/PID/stat.
type stat struct {
	state byte
	ppid  int
}

func readStat(pid int) (stat, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	// The name is in parentheses and may hold any byte.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 2 {
		return stat{}, false
	}
	ppid, err := strconv.Atoi(fields[1])
	return stat{state: fields[0][0], ppid: ppid}, err == nil
}

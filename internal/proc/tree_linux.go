package proc

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxEnviron bounds what is read of another process's environment.
const maxEnviron = 4 << 20

// sweepRounds bounds how often KillTree looks again for members that were
// born while it killed their parents.
const sweepRounds = 20

// SignalTree sends sig once to the child and to every descendant: those linked to
// it by their parents, and those that carry its tree tag. It is safe after the child's end and then reaches the rest.
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

// A tagged is the processes of the trees that a tag names: the tree of the tag
// and those inside it, or only those inside it.
type tagged struct {
	tag    string
	inside bool
	spare  []int // processes to leave alone
}

// kill kills the processes of t until a look finds none.
func (t tagged) kill() {
	for range sweepRounds {
		if t.signal(syscall.SIGKILL) == 0 {
			return
		}
	}
}

// signal signals the processes of t and returns how many it reached.
func (t tagged) signal(sig syscall.Signal) (n int) {
	if t.tag == "" {
		return 0
	}
	self := os.Getpid()
	var buf bytes.Buffer
	for pid := range processes {
		if pid == self || slices.Contains(t.spare, pid) || !t.has(pid, &buf) {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		// Read again: now the pidfd holds whatever pid meant.
		if t.has(pid, &buf) && unix.PidfdSendSignal(fd, sig, nil, 0) == nil {
			n++
		}
		unix.Close(fd)
	}
	return n
}

// has reports whether pid is one of t, by its environment as it was when its
// program started. A zombie has none.
func (t tagged) has(pid int, buf *bytes.Buffer) bool {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	defer f.Close()
	buf.Reset()
	if _, err := buf.ReadFrom(io.LimitReader(f, maxEnviron)); err != nil {
		return false
	}
	for kv := range bytes.SplitSeq(buf.Bytes(), []byte{0}) {
		if value, ok := bytes.CutPrefix(kv, []byte(TreeVar+"=")); ok {
			below, ok := bytes.CutPrefix(value, []byte(t.tag))
			return ok && (!t.inside || len(below) > 0)
		}
	}
	return false
}

func killGroup(leader int) { _ = unix.Kill(-leader, unix.SIGKILL) }

func killInside(tag string) { tagged{tag: tag, inside: true}.kill() }

package leakcheck

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A child is a process whose parent is this one.
type child struct {
	pid     int
	state   string // as in proc(5): R, S, D, Z ...
	cmdline string // empty for a zombie
}

func (c child) String() string {
	if c.state == "Z" {
		return fmt.Sprintf("zombie %d, which nobody waited for", c.pid)
	}
	return fmt.Sprintf("child process %d (%s): %s", c.pid, c.state, c.cmdline)
}

func children() []child {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var all []child
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has gone meanwhile
		}
		// pid (comm) state ppid ...; comm may hold anything, so cut at its end.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		dir := filepath.Dir(name)
		pid, _ := strconv.Atoi(filepath.Base(dir))
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		all = append(all, child{
			pid:     pid,
			state:   fields[0],
			cmdline: string(bytes.ReplaceAll(bytes.TrimRight(cmdline, "\x00"), []byte{0}, []byte{' '})),
		})
	}
	return all
}

// openFiles counts the open descriptors by what they refer to. Those that the
// runtime opens once and keeps (its poller) are left out.
func openFiles() map[string]int {
	const dir = "/proc/self/fd"
	entries, _ := os.ReadDir(dir)
	files := make(map[string]int)
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || target == "anon_inode:[eventpoll]" || target == "anon_inode:[eventfd]" {
			continue // the first was the descriptor of dir itself
		}
		kind, _, numbered := strings.Cut(target, ":[")
		if numbered && kind != "anon_inode" {
			target = kind // socket:[12345], pipe:[678]: any of them will do
		}
		files[target]++
	}
	return files
}

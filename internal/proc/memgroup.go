package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A MemoryGroup is a control group with a limit on the memory of its processes,
// which the kernel keeps: it kills one of them, or all, before they use more.
type MemoryGroup struct {
	dir string
	v2  bool
}

// NewMemoryGroup makes a control group in parent, a directory of version 2 with the
// memory controller enabled below it, or of version 1's memory hierarchy, that the
// caller may use as it likes. Elsewhere the error matches [errors.ErrUnsupported].
func NewMemoryGroup(parent string, limit int64) (*MemoryGroup, error) {
	control, err := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control"))
	g := &MemoryGroup{v2: err == nil}
	if g.v2 && !strings.Contains(" "+strings.TrimSpace(string(control))+" ", " memory ") {
		return nil, unsupported("the memory controller in control group " + parent)
	}
	if _, err := os.Stat(filepath.Join(parent, "memory.limit_in_bytes")); !g.v2 && err != nil {
		return nil, unsupported("control group " + parent)
	}
	if g.dir, err = os.MkdirTemp(parent, "quartet-"); err != nil {
		return nil, err
	}
	settings := [][2]string{{"memory.limit_in_bytes", strconv.FormatInt(limit, 10)}}
	if g.v2 {
		settings = [][2]string{{"memory.max", strconv.FormatInt(limit, 10)}, {"memory.oom.group", "1"}}
	}
	for _, s := range settings {
		if err := os.WriteFile(filepath.Join(g.dir, s[0]), []byte(s[1]), 0o644); err != nil {
			return nil, errors.Join(fmt.Errorf("limiting the memory of a control group: %w", err), g.Close())
		}
	}
	return g, nil
}

// Add moves the child into the group; its descendants from then on are born there.
func (g *MemoryGroup) Add(c *Child) error {
	return os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(c.Pid())), 0o644)
}

// Kills returns how many processes of the group the kernel has killed for memory.
func (g *MemoryGroup) Kills() (n int) {
	name := "memory.oom_control"
	if g.v2 {
		name = "memory.events"
	}
	data, _ := os.ReadFile(filepath.Join(g.dir, name))
	for line := range strings.Lines(string(data)) {
		if count, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ = strconv.Atoi(strings.TrimSpace(count))
		}
	}
	return n
}

// Close removes the group, whose processes must have ended or be about to.
func (g *MemoryGroup) Close() error {
	const patience = time.Second
	for begin := time.Now(); ; <-time.After(time.Millisecond) {
		err := os.Remove(g.dir)
		if !errors.Is(err, syscall.EBUSY) || time.Since(begin) > patience {
			return err
		}
	}
}

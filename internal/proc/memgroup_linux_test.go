package proc

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// fakeGroup makes a directory that looks like a control group's.
func fakeGroup(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMemoryGroupFiles(t *testing.T) {
	t.Parallel()
	c := sh(t, "exit 0", Spec{})
	for _, tt := range []struct {
		name, limit, kills, text string
		parent                   map[string]string
	}{
		{"v2", "memory.max", "memory.events", "low 0\noom 4\noom_kill 3\n", map[string]string{"cgroup.subtree_control": "cpu memory\n"}},
		{"v1", "memory.limit_in_bytes", "memory.oom_control", "under_oom 0\noom_kill 3\n", map[string]string{"memory.limit_in_bytes": "1\n"}},
	} {
		g, err := NewMemoryGroup(fakeGroup(t, tt.parent), 5<<20)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err := g.Add(c); err != nil {
			t.Errorf("%s: Add() = %v", tt.name, err)
		}
		for name, want := range map[string]string{tt.limit: "5242880", "cgroup.procs": strconv.Itoa(c.Pid())} {
			if got, err := os.ReadFile(filepath.Join(g.dir, name)); string(got) != want || err != nil {
				t.Errorf("%s: %s holds %s, %v, want %s", tt.name, name, got, err, want)
			}
		}
		if err := os.WriteFile(filepath.Join(g.dir, tt.kills), []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := g.Kills(); got != 3 {
			t.Errorf("%s: Kills() = %d, want 3", tt.name, got)
		}
	}
	for name, parent := range map[string]map[string]string{
		"v2 without the controller": {"cgroup.subtree_control": "cpu memory_other\n"}, "no group": {},
	} {
		if _, err := NewMemoryGroup(fakeGroup(t, parent), 1); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: NewMemoryGroup() = %v, want ErrUnsupported", name, err)
		}
	}
}

// The real thing, where the kernel lets us.
func TestMemoryGroup(t *testing.T) {
	t.Parallel()
	var g *MemoryGroup
	var err error
	for _, parent := range []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup"} {
		if g, err = NewMemoryGroup(parent, 64<<20); err == nil {
			break
		}
	}
	if err != nil {
		t.Skip("no control group for tests to use:", err)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := sh(t, "read go; exec "+path, Spec{Env: append(os.Environ(), programVar+"=hold 256"), Stdin: pipeWith(t, "go\n")})
	if err := g.Add(c); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if g.Kills() == 0 {
		t.Errorf("Kills() = 0 after %v", c.State())
	}
	if err := g.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func pipeWith(t *testing.T, text string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return r
}

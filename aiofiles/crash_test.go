package aiofiles_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

// A step is something a crash may lose or keep.
type step struct {
	op       string // "create", "write", "sync", "rename", "remove", "syncdir"
	file     int    // of create, write and sync
	name, to string
	off      int64
	data     []byte
}

// recorder is a file system that writes down what POSIX lets a crash undo. drop is a
// step that it makes believe to do: a mutant of the code above it.
type recorder struct {
	*aiofilestest.Mem
	drop  string
	steps []step
	files int
}

func (r *recorder) add(s step) { r.steps = append(r.steps, s) }

func (r *recorder) OpenFile(name string, flag int, perm fs.FileMode) (aiofiles.Handle, error) {
	h, err := r.Mem.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	f := &recorded{Handle: h, r: r, file: r.files}
	if info, _ := h.Stat(); info.IsDir() {
		f.file = -1
	} else if flag&os.O_CREATE != 0 {
		r.files++
		r.add(step{op: "create", file: f.file, name: name})
	}
	return f, nil
}

func (r *recorder) Rename(oldname, newname string) error {
	if r.drop == "rename" {
		return nil
	}
	r.add(step{op: "rename", name: oldname, to: newname})
	return r.Mem.Rename(oldname, newname)
}

func (r *recorder) Remove(name string) error {
	r.add(step{op: "remove", name: name})
	return r.Mem.Remove(name)
}

type recorded struct {
	aiofiles.Handle
	r    *recorder
	file int
	end  int64
}

func (f *recorded) Write(p []byte) (int, error) {
	defer func() { f.end += int64(len(p)) }()
	return f.WriteAt(p, f.end)
}

func (f *recorded) WriteAt(p []byte, off int64) (int, error) {
	if f.r.drop == "write" {
		return len(p), nil
	}
	f.r.add(step{op: "write", file: f.file, off: off, data: slices.Clone(p)})
	return f.Handle.WriteAt(p, off)
}

func (f *recorded) Sync() error {
	op := "sync"
	if f.file < 0 {
		op = "syncdir"
	}
	if f.r.drop != op {
		f.r.add(step{op: op, file: f.file})
	}
	return nil
}

// crashes calls see with the content that name may have after a crash behind steps.
// Content that was not synced may be there, torn or missing, write by write; changes
// of names that were not synced may be there or not, each by itself.
func crashes(steps []step, name, old string, see func(content string, exists bool)) {
	synced, syncedDir := map[int]int{}, 0
	for i, s := range steps {
		switch s.op {
		case "sync":
			synced[s.file] = i
		case "syncdir":
			syncedDir = i
		}
	}
	var optional []int // steps that may be lost
	var writes []int
	for i, s := range steps {
		switch s.op {
		case "create", "rename", "remove":
			if i > syncedDir || syncedDir == 0 {
				optional = append(optional, i)
			}
		case "write":
			if at, ok := synced[s.file]; !ok || i > at {
				writes = append(writes, i)
			}
		}
	}
	for lost := range 1 << len(optional) {
		for torn := range pow(3, len(writes)) {
			names := map[string]int{name: -1}
			files := map[int][]byte{-1: []byte(old)}
			for i, s := range steps {
				if at := slices.Index(optional, i); at >= 0 && lost>>at&1 == 1 {
					continue
				}
				switch s.op {
				case "create":
					names[s.name] = s.file
				case "remove":
					delete(names, s.name)
				case "rename":
					// The file is there even if the name it had was never written.
					file, ok := names[s.name]
					if !ok {
						file = created(steps[:i], s.name)
					}
					delete(names, s.name)
					names[s.to] = file
				case "write":
					data := s.data
					if at := slices.Index(writes, i); at >= 0 {
						switch torn / pow(3, at) % 3 {
						case 1:
							continue
						case 2:
							data = data[:len(data)/2]
						}
					}
					files[s.file] = overwrite(files[s.file], data, s.off)
				}
			}
			file, exists := names[name]
			see(string(files[file]), exists)
		}
	}
}

func created(steps []step, name string) int {
	for _, s := range slices.Backward(steps) {
		if s.op == "create" && s.name == name {
			return s.file
		}
	}
	return -1
}

func pow(base, n int) int {
	p := 1
	for range n {
		p *= base
	}
	return p
}

func overwrite(file, data []byte, off int64) []byte {
	if grow := int(off) + len(data) - len(file); grow > 0 {
		file = append(file, make([]byte, grow)...)
	}
	file = slices.Clone(file)
	copy(file[off:], data)
	return file
}

// TestCrashStates stops the atomic writers after each of their steps and looks at
// every content that a crash there may leave.
func TestCrashStates(t *testing.T) {
	const old, want = "the old content", "the new content, which is longer"
	writers := map[string]func(ctx context.Context, o *aiofiles.AtomicOptions) error{
		"WriteFileAtomic": func(ctx context.Context, o *aiofiles.AtomicOptions) error {
			return aiofiles.WriteFileAtomic(ctx, "/dir/f", []byte(want), o)
		},
		"CreateAtomic": func(ctx context.Context, o *aiofiles.AtomicOptions) error {
			f, err := aiofiles.CreateAtomic(ctx, "/dir/f", "w", o)
			if err != nil {
				return err
			}
			defer f.Close()
			for _, part := range []string{want[:5], want[5:9], want[9:]} {
				if _, err := f.WriteString(ctx, part); err != nil {
					return err
				}
			}
			return f.Commit(ctx)
		},
	}
	play := func(t *testing.T, write func(context.Context, *aiofiles.AtomicOptions) error, strength aiofiles.Strength, drop string) (bad []string) {
		r := &recorder{Mem: aiofilestest.NewMem(), drop: drop}
		ctx := aiofiles.WithFS(t.Context(), r)
		ok(t, aiofiles.Mkdir(ctx, "/dir", 0o755))
		ok(t, aiofiles.WriteFile(ctx, "/dir/f", []byte(old), 0o644))
		r.steps = nil
		if err := write(ctx, &aiofiles.AtomicOptions{Strength: strength}); err != nil {
			t.Fatal(err)
		}
		states := map[string]bool{}
		for n := range len(r.steps) + 1 {
			crashes(r.steps[:n], "/dir/f", old, func(content string, exists bool) {
				states[content] = true
				after := n == len(r.steps) && strength == aiofiles.FolderSynced
				if !exists || content != want && (after || content != old) {
					bad = append(bad, fmt.Sprintf("after %d of %d steps: %q, %v", n, len(r.steps), content, exists))
				}
			})
		}
		if len(bad) == 0 && (!states[old] || !states[want]) {
			bad = append(bad, fmt.Sprintf("never seen: old or new content, but %q", slices.Sorted(maps.Keys(states))))
		}
		for _, e := range must(aiofiles.ReadDir(ctx, "/dir"))(t) {
			if e.Name() != "f" && drop != "rename" {
				t.Errorf("%s is left", path.Join("/dir", e.Name()))
			}
		}
		return bad
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			for _, strength := range []aiofiles.Strength{aiofiles.DataSynced, aiofiles.FolderSynced} {
				if bad := play(t, write, strength, ""); len(bad) > 0 {
					t.Errorf("strength %d: %d bad states: %s", strength, len(bad), bad[0])
				}
				for _, drop := range []string{"write", "sync", "rename", "syncdir"} {
					if strength == aiofiles.DataSynced && drop == "syncdir" {
						continue
					}
					if bad := play(t, write, strength, drop); len(bad) == 0 {
						t.Errorf("strength %d: nobody misses the step %q", strength, drop)
					}
				}
			}
			// This one promises no more than the order of names.
			bad := play(t, write, aiofiles.RenameOnly, "")
			if len(bad) == 0 || !strings.Contains(strings.Join(bad, "\n"), `""`) {
				t.Errorf("RenameOnly has no state with an empty file: %v", bad)
			}
		})
	}
}

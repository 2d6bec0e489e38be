package aiofiles_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

// systems runs test on the machine's file system, in memory and in a confined folder,
// by each engine.
func systems(t *testing.T, test func(t *testing.T, ctx context.Context, dir string)) {
	t.Helper()
	t.Run("fs=os", func(t *testing.T) {
		engines(t, func(t *testing.T, ctx context.Context) { test(t, ctx, t.TempDir()) })
	})
	t.Run("fs=mem", func(t *testing.T) {
		engines(t, func(t *testing.T, ctx context.Context) {
			test(t, aiofiles.WithFS(ctx, aiofilestest.NewMem()), os.TempDir())
		})
	})
	t.Run("fs=root", func(t *testing.T) {
		engines(t, func(t *testing.T, ctx context.Context) {
			root := must(aiofiles.OpenRoot(ctx, t.TempDir()))(t)
			t.Cleanup(func() { root.Close() })
			test(t, root.In(ctx), ".")
		})
	})
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func write(t testing.TB, ctx context.Context, name, text string) {
	t.Helper()
	ok(t, aiofiles.WriteFile(ctx, name, []byte(text), 0o644))
}

func TestPaths(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		in := func(name string) string { return filepath.Join(dir, name) }
		ok(t, aiofiles.MkdirAll(ctx, in("a/b/c"), 0o755))
		ok(t, aiofiles.MkdirAll(ctx, in("a/b/c"), 0o755))
		write(t, ctx, in("a/f"), "hello")
		ok(t, aiofiles.Symlink(ctx, "f", in("a/link")))
		ok(t, aiofiles.Symlink(ctx, "nowhere", in("a/dangling")))
		ok(t, aiofiles.Link(ctx, in("a/f"), in("a/hard")))

		type answers struct{ Exists, LinkExists, IsFile, IsDir, IsLink bool }
		for name, want := range map[string]answers{
			"a":          {true, true, false, true, false},
			"a/f":        {true, true, true, false, false},
			"a/link":     {true, true, true, false, true},
			"a/dangling": {false, true, false, false, true},
			"missing":    {},
			"a/f/below":  {},
		} {
			got := answers{
				must(aiofiles.Exists(ctx, in(name)))(t), must(aiofiles.LinkExists(ctx, in(name)))(t),
				must(aiofiles.IsFile(ctx, in(name)))(t), must(aiofiles.IsDir(ctx, in(name)))(t), must(aiofiles.IsLink(ctx, in(name)))(t),
			}
			if got != want {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
		if size := must(aiofiles.Size(ctx, in("a/link")))(t); size != 5 {
			t.Errorf("Size = %d", size)
		}
		if !must(aiofiles.SameFile(ctx, in("a/f"), in("a/hard")))(t) || must(aiofiles.SameFile(ctx, in("a/f"), in("a")))(t) {
			t.Error("SameFile is wrong")
		}
		if target := must(aiofiles.Readlink(ctx, in("a/link")))(t); target != "f" {
			t.Errorf("Readlink = %q", target)
		}
		when := time.Date(2020, 5, 6, 7, 8, 9, 0, time.UTC)
		ok(t, aiofiles.Chtimes(ctx, in("a/f"), when, when))
		if got := must(aiofiles.ModTime(ctx, in("a/f")))(t); !got.Equal(when) {
			t.Errorf("ModTime = %v", got)
		}
		ok(t, aiofiles.Touch(ctx, in("a/f"), 0o644))
		if got := must(aiofiles.ModTime(ctx, in("a/f")))(t); time.Since(got) > time.Hour {
			t.Errorf("after Touch: %v", got)
		}
		ok(t, aiofiles.Chmod(ctx, in("a/f"), 0o600))
		if mode := must(aiofiles.Stat(ctx, in("a/f")))(t).Mode(); mode.Perm() != 0o600 {
			t.Errorf("mode %v", mode)
		}
		ok(t, aiofiles.Truncate(ctx, in("a/f"), 2))
		ok(t, aiofiles.Lchown(ctx, in("a/f"), -1, -1))

		names := func(entries []fs.DirEntry) (out []string) {
			for _, e := range entries {
				out = append(out, e.Name())
			}
			return out
		}
		want := []string{"b", "dangling", "f", "hard", "link"}
		if diff := cmp.Diff(want, names(must(aiofiles.ReadDir(ctx, in("a")))(t))); diff != "" {
			t.Errorf("ReadDir (-want +got):\n%s", diff)
		}
		var scanned []fs.DirEntry
		for e, err := range aiofiles.ScanDir(ctx, in("a")) {
			ok(t, err)
			scanned = append(scanned, e)
		}
		if got := names(scanned); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("ScanDir = %v", got)
		}
		for e := range aiofiles.ScanDir(ctx, in("a")) {
			if info, err := e.Info(); err != nil || info.Name() != e.Name() {
				t.Errorf("Info of %v = %v", e, err)
			}
			break
		}

		if err := aiofiles.Remove(ctx, in("a")); !errors.Is(err, syscall.ENOTEMPTY) {
			t.Errorf("Remove of a full folder = %v", err)
		}
		if err := aiofiles.Mkdir(ctx, in("a"), 0o755); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Mkdir again = %v", err)
		}
		ok(t, aiofiles.Rename(ctx, in("a/hard"), in("a/f2")))
		ok(t, aiofiles.Renames(ctx, in("a/f2"), in("x/y/z")))
		ok(t, aiofiles.Renames(ctx, in("x/y/z"), in("w/z")))
		if there := must(aiofiles.Exists(ctx, in("x")))(t); there {
			t.Error("Renames leaves empty folders")
		}
		ok(t, aiofiles.RemoveDirs(ctx, in("a/b/c")))
		if there := must(aiofiles.Exists(ctx, in("a/b")))(t); there {
			t.Error("RemoveDirs leaves empty folders")
		}
		ok(t, aiofiles.RemoveAll(ctx, in("a")))
		ok(t, aiofiles.RemoveAll(ctx, in("a")))
		if there := must(aiofiles.LinkExists(ctx, in("a")))(t); there {
			t.Error("RemoveAll leaves it")
		}
	})
}

func TestRealPath(t *testing.T) {
	for _, fsys := range []aiofiles.FS{aiofiles.OS, aiofilestest.NewMem()} {
		ctx := aiofiles.WithFS(t.Context(), fsys)
		dir := t.TempDir()
		ok(t, aiofiles.MkdirAll(ctx, filepath.Join(dir, "real/deep"), 0o755))
		ok(t, aiofiles.Symlink(ctx, "real", filepath.Join(dir, "a")))
		ok(t, aiofiles.Symlink(ctx, filepath.Join(dir, "a/deep"), filepath.Join(dir, "b")))
		ok(t, aiofiles.Symlink(ctx, "loop", filepath.Join(dir, "loop")))
		if got := must(aiofiles.RealPath(ctx, filepath.Join(dir, "b")))(t); got != filepath.Join(dir, "real/deep") {
			t.Errorf("RealPath = %q", got)
		}
		if _, err := aiofiles.RealPath(ctx, filepath.Join(dir, "loop")); err == nil {
			t.Error("RealPath of a loop works")
		}
		if _, err := aiofiles.RealPath(ctx, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("RealPath of nothing = %v", err)
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		if got := aiofiles.ExpandUser("~/x"); got != filepath.Join(home, "x") {
			t.Errorf("ExpandUser = %q", got)
		}
	}
	if got := aiofiles.ExpandUser("a~"); got != "a~" {
		t.Errorf("ExpandUser = %q", got)
	}
}

// tree makes folders and files, and symbolic links for names with an arrow.
func tree(t *testing.T, ctx context.Context, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		name, target, link := strings.Cut(name, "→")
		path := filepath.Join(dir, name)
		switch {
		case link:
			ok(t, aiofiles.Symlink(ctx, target, path))
		case strings.HasSuffix(name, "/"):
			ok(t, aiofiles.MkdirAll(ctx, path, 0o755))
		default:
			ok(t, aiofiles.MkdirAll(ctx, filepath.Dir(path), 0o755))
			write(t, ctx, path, name)
		}
	}
}

// walked is a walk as text: each folder with what is in it.
func walked(t *testing.T, ctx context.Context, dir string, opts *aiofiles.WalkOptions) (out []string) {
	t.Helper()
	for d, err := range aiofiles.Walk(ctx, dir, opts) {
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(dir, d.Path)
		var line strings.Builder
		line.WriteString(filepath.ToSlash(rel) + ":")
		for _, e := range d.Dirs {
			line.WriteString(" " + e.Name() + "/")
		}
		for _, e := range d.Files {
			line.WriteString(" " + e.Name())
		}
		out = append(out, line.String())
		d.Dirs = slices.DeleteFunc(d.Dirs, func(e fs.DirEntry) bool { return e.Name() == "skip" })
	}
	return out
}

func TestWalk(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "w")
		tree(t, ctx, dir, "a/x", "a/b/y", "a/b/up→..", "c/", "skip/deep/z", "f", "link→a")
		for _, tc := range []struct {
			name string
			opts aiofiles.WalkOptions
			want []string
		}{
			{"top down", aiofiles.WalkOptions{}, []string{".: a/ c/ skip/ f link", "a: b/ x", "a/b: up y", "c:"}},
			{"one at a time", aiofiles.WalkOptions{Parallel: 1}, []string{".: a/ c/ skip/ f link", "a: b/ x", "a/b: up y", "c:"}},
			{"bottom up", aiofiles.WalkOptions{BottomUp: true}, []string{"a/b: up y", "a: b/ x", "c:", "skip/deep: z", "skip: deep/", ".: a/ c/ skip/ f link"}},
			{"links", aiofiles.WalkOptions{FollowLinks: true}, []string{".: a/ c/ link/ skip/ f", "a: b/ x", "a/b: up/ y", "a/b/up:", "c:", "link: b/ x", "link/b: up/ y", "link/b/up:"}},
		} {
			tc.opts.Sorted = true
			if diff := cmp.Diff(tc.want, walked(t, ctx, dir, &tc.opts)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.name, diff)
			}
		}
		for d, err := range aiofiles.Walk(ctx, filepath.Join(dir, "none"), nil) {
			if !errors.Is(err, fs.ErrNotExist) || d == nil {
				t.Errorf("Walk of nothing = %v, %v", d, err)
			}
		}
		for range aiofiles.Walk(ctx, dir, nil) {
			break
		}
	})
}

func TestGlob(t *testing.T) {
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		dir = filepath.Join(dir, "g")
		tree(t, ctx, dir, "a.go", "b.go", "c.txt", ".hidden.go", "sub/d.go", "sub/deep/e.go", "sub/deep/.git/f.go", "[x]", "link→sub")
		for _, tc := range []struct {
			pattern string
			hidden  bool
			want    []string
		}{
			{"*.go", false, []string{"a.go", "b.go"}},
			{"*.go", true, []string{".hidden.go", "a.go", "b.go"}},
			{".*", false, []string{".hidden.go"}},
			{"?.txt", false, []string{"c.txt"}},
			{"[!a].go", false, []string{"b.go"}},
			{"{a,c}.*", false, []string{"a.go", "c.txt"}},
			{"**/*.go", false, []string{"a.go", "b.go", "sub/d.go", "sub/deep/e.go"}},
			{"**/deep/**/*.go", true, []string{"sub/deep/e.go", "sub/deep/.git/f.go"}},
			{"sub/**", false, []string{"sub/d.go", "sub/deep", "sub/deep/e.go"}},
			{"*/d.go", false, []string{"link/d.go", "sub/d.go"}},
			{"sub/d.go", false, []string{"sub/d.go"}},
			{"sub/", false, []string{"sub/"}},
			{"none/*", false, nil},
			{"a.go/*", false, nil},
			{`\[x\]`, false, []string{"[x]"}},
		} {
			var got []string
			pattern := dir + "/" + tc.pattern
			for name, err := range aiofiles.Glob(ctx, pattern, &aiofiles.GlobOptions{Hidden: tc.hidden}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, filepath.ToSlash(strings.TrimPrefix(name, dir+string(filepath.Separator))))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Glob(%q) (-want +got):\n%s", tc.pattern, diff)
			}
		}
		for _, err := range aiofiles.Glob(ctx, "[", nil) {
			if !errors.Is(err, aiofiles.ErrBadPattern) {
				t.Errorf("Glob of a malformed pattern = %v", err)
			}
		}
	})
}

func TestCopyTree(t *testing.T) {
	t.Parallel()
	systems(t, func(t *testing.T, ctx context.Context, dir string) {
		src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
		tree(t, ctx, src, "a/x", "a/b/y", "empty/", "f", "no.tmp", "link→f")
		big := make([]byte, 9<<20)
		for i := range big {
			big[i] = byte(i >> 8)
		}
		ok(t, aiofiles.WriteFile(ctx, filepath.Join(src, "big"), big, 0o600))
		when := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		ok(t, aiofiles.Chtimes(ctx, filepath.Join(src, "f"), when, when))
		var last aiofiles.CopyProgress
		steps := 0
		opts := &aiofiles.CopyOptions{
			Times:    true,
			Filter:   func(path string, e fs.DirEntry) bool { return !strings.HasSuffix(e.Name(), ".tmp") },
			Progress: func(p aiofiles.CopyProgress) { last = p; steps++ },
		}
		ok(t, aiofiles.CopyTree(ctx, src, dst, opts))
		if want := int64(len(big) + len("a/x") + len("a/b/y") + len("f")); last.Bytes != want || last.Files != 4 || steps < 6 {
			t.Errorf("progress ends with %+v after %d steps, want %d bytes of 4 files", last, steps, want)
		}
		want := walked(t, ctx, src, &aiofiles.WalkOptions{Sorted: true})
		want[0] = strings.Replace(want[0], " no.tmp", "", 1)
		if diff := cmp.Diff(want, walked(t, ctx, dst, &aiofiles.WalkOptions{Sorted: true})); diff != "" {
			t.Errorf("copy (-want +got):\n%s", diff)
		}
		if got := must(aiofiles.ReadFile(ctx, filepath.Join(dst, "big")))(t); !slices.Equal(got, big) {
			t.Error("the large file differs")
		}
		if got := must(aiofiles.ModTime(ctx, filepath.Join(dst, "f")))(t); !got.Equal(when) {
			t.Errorf("time of the copy: %v", got)
		}
		if info := must(aiofiles.Stat(ctx, filepath.Join(dst, "big")))(t); info.Mode().Perm() != 0o600 {
			t.Errorf("mode of the copy: %v", info.Mode())
		}
		if err := aiofiles.CopyTree(ctx, src, dst, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("CopyTree over a folder = %v", err)
		}
		ok(t, aiofiles.CopyTree(ctx, src, dst, &aiofiles.CopyOptions{Merge: true}))
		if err := aiofiles.CopyFile(ctx, filepath.Join(src, "f"), filepath.Join(src, "link"), nil); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("CopyFile onto itself = %v", err)
		}
		ok(t, aiofiles.Mkdir(ctx, filepath.Join(dir, "into"), 0o755))
		ok(t, aiofiles.Move(ctx, dst, filepath.Join(dir, "into"), nil))
		if !must(aiofiles.IsFile(ctx, filepath.Join(dir, "into/dst/a/b/y")))(t) || must(aiofiles.Exists(ctx, dst))(t) {
			t.Error("Move did not move")
		}
	})
}

package aiofiles

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/quartet-go/quartet/internal/park"
)

// WalkOptions configures [Walk]. A nil pointer or a zero field means the default.
type WalkOptions struct {
	// BottomUp yields a folder after those in it. Default: before, so that what is
	// taken out of Folder.Dirs is not walked.
	BottomUp bool
	// FollowLinks walks folders that symbolic links lead to as well, none twice on
	// one way down. Default: a link is a file.
	FollowLinks bool
	// Sorted gives the entries of each folder by name. Default: as the file system does.
	Sorted bool
	// Parallel is how many folders are read ahead at a time. Default: two a processor.
	Parallel int
}

// A Folder is what [Walk] yields: the path of a folder and what is in it.
type Folder struct {
	Path  string
	Dirs  []fs.DirEntry // those the walk goes into; take some out to leave them alone
	Files []fs.DirEntry // everything else

	depth   int
	parents []fs.FileInfo // on the way down, when links are followed
}

// Walk yields the folder root and all folders below it, one after the other, while
// helpers read those that come next.
//
// A folder that cannot be read is yielded with its error and no entries, and the
// walk goes on if the loop does. When ctx ends, its cause is the last error.
// The sequence may be used again.
//
// Python: os.walk. Differs: a link to a folder is among the files unless it is followed.
func Walk(ctx context.Context, root string, opts *WalkOptions) iter.Seq2[*Folder, error] {
	var o WalkOptions
	if opts != nil {
		o = *opts
	}
	if o.Parallel <= 0 {
		o.Parallel = 2 * runtime.GOMAXPROCS(0)
	}
	return func(yield func(*Folder, error) bool) {
		w := &walker{ctx: ctx, fsys: fsOf(ctx), lim: limiterOf(ctx), opts: o}
		defer w.finish()
		w.push(&Folder{Path: root})
		for len(w.stack) > 0 {
			d := w.stack[len(w.stack)-1]
			if d.listed { // on the way up
				w.stack = w.stack[:len(w.stack)-1]
				if !yield(d.folder, d.err) {
					return
				}
				continue
			}
			if err := park.Cause(ctx); err != nil {
				yield(d.folder, err)
				return
			}
			w.readAhead()
			if err := w.wait(d); err != nil {
				yield(d.folder, err)
				return
			}
			d.listed = true
			if !o.BottomUp {
				w.stack = w.stack[:len(w.stack)-1]
				if !yield(d.folder, d.err) {
					return
				}
			}
			w.descend(d.folder)
		}
	}
}

// walker is the state of one walk: the folders to come, the next one last.
type walker struct {
	ctx     context.Context
	fsys    FS
	lim     *Limiter
	opts    WalkOptions
	stack   []*visit
	reading int
}

// visit is a folder of a walk, read by a job.
type visit struct {
	folder *Folder
	job    *job
	err    error // of the folder, after the job
	listed bool
}

func (w *walker) push(f *Folder) { w.stack = append(w.stack, &visit{folder: f}) }

// descend puts the folders in f on the stack.
func (w *walker) descend(f *Folder) {
	for _, e := range slices.Backward(f.Dirs) {
		w.push(&Folder{Path: join(f.Path, e.Name()), depth: f.depth + 1, parents: f.parents})
	}
}

// join is filepath.Join for a clean name.
func join(dir, name string) string {
	if dir == "" || dir == "." {
		return name
	}
	if c := dir[len(dir)-1]; c == filepath.Separator || c == '/' {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// readAhead starts to read the next folders, as far as there is room at once.
func (w *walker) readAhead() {
	for i := len(w.stack) - 1; i >= max(0, len(w.stack)-w.opts.Parallel) && w.reading < w.opts.Parallel; i-- {
		if v := w.stack[i]; v.job == nil && !v.listed {
			if !w.lim.gate.try() {
				return
			}
			w.job(v).start()
		}
	}
}

// job makes the job that reads v.
func (w *walker) job(v *visit) *job {
	w.reading++
	folder := v.folder // v gets another if this job is left
	v.job = newJob(w.lim, func() { v.err = w.list(folder) }, nil)
	return v.job
}

// wait waits until v was read.
func (w *walker) wait(v *visit) error {
	if v.job == nil {
		w.job(v).submit()
	}
	if err := v.job.wait(w.ctx); err != nil && v.job.leave() != finished {
		v.folder = &Folder{Path: v.folder.Path} // the other one is the helper's
		return err
	}
	w.reading--
	return nil
}

// finish waits for what is still being read, or leaves it when ctx ends.
func (w *walker) finish() {
	for _, v := range w.stack {
		if v.job != nil && !v.listed && v.job.wait(w.ctx) != nil {
			v.job.leave()
		}
	}
}

// list reads a folder. It runs on a helper.
func (w *walker) list(f *Folder) error {
	if w.opts.FollowLinks {
		info, err := w.fsys.Stat(f.Path)
		if err != nil {
			return err
		}
		for _, p := range f.parents {
			if sameFile(p, info) {
				return nil // the way leads in a circle
			}
		}
		f.parents = append(slices.Clip(f.parents), info)
	}
	entries, err := listDir(w.fsys, f.Path)
	if w.opts.Sorted {
		sortEntries(entries)
	}
	isDir := func(e fs.DirEntry) bool {
		return e.IsDir() || w.opts.FollowLinks && e.Type() == fs.ModeSymlink && w.leadsToDir(f, e)
	}
	f.Files = entries
	if i := slices.IndexFunc(entries, isDir); i >= 0 {
		f.Files = slices.Clip(entries[:i])
		for _, e := range entries[i:] {
			if isDir(e) {
				f.Dirs = append(f.Dirs, e)
			} else {
				f.Files = append(f.Files, e)
			}
		}
	}
	if errors.Is(err, fs.ErrNotExist) && f.depth > 0 {
		return nil // it went away after its folder was read
	}
	return err
}

func (w *walker) leadsToDir(f *Folder, e fs.DirEntry) bool {
	info, err := w.fsys.Stat(join(f.Path, e.Name()))
	return err == nil && info.IsDir()
}

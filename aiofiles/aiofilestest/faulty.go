package aiofilestest

import (
	"io/fs"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
)

// A Fault is something that goes wrong in a [Faulty].
type Fault struct {
	// Op is the call it happens in: "open", "read", "write", "sync", "truncate",
	// "close", "readdir", "stat", "lstat", "mkdir", "remove", "rename", "link",
	// "symlink", "readlink", "chmod", "lchown" or "chtimes". Default: any of them.
	Op string
	// Name is a pattern, as in path.Match, for the last part of the file's name. A
	// rename has the old one. Default: any.
	Name string
	// Skip is how many such calls go well first.
	Skip int
	// Times is how many calls it happens in then. Default: all.
	Times int
	// Err is what the call returns. Default: nothing goes wrong but the delay.
	Err error
	// After is how many bytes a write writes all the same, before it returns Err. A
	// disk that is full at byte n is Op "write", After n, Err syscall.ENOSPC.
	After int
	// Hold makes the call wait until the channel is closed. Default: it does not wait.
	Hold <-chan struct{}
}

// A Faulty is a file system that does what another does, but for its faults. It is
// safe for concurrent use.
type Faulty struct {
	fsys aiofiles.FS

	mu     sync.Mutex // guards following
	cond   sync.Cond
	faults []*armed
	calls  map[string]int
	open   int
}

// armed is a fault with how many calls fitted it.
type armed struct {
	Fault
	met int
}

var _ aiofiles.FS = (*Faulty)(nil)

// NewFaulty returns a file system that does what fsys does.
func NewFaulty(fsys aiofiles.FS) *Faulty {
	f := &Faulty{fsys: fsys, calls: map[string]int{}}
	f.cond.L = &f.mu
	return f
}

// Fail adds a fault. Of those that fit a call the first that was added happens.
func (f *Faulty) Fail(fault Fault) {
	if _, err := path.Match(fault.Name, ""); err != nil {
		panic("aiofilestest: " + err.Error() + ": " + fault.Name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, &armed{Fault: fault})
}

// Calls is how many calls of op were begun.
func (f *Faulty) Calls(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// WaitCalls blocks until n calls of op were begun, those that hold included.
func (f *Faulty) WaitCalls(op string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.calls[op] < n {
		f.cond.Wait()
	}
}

// Open is how many files are open.
func (f *Faulty) Open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// WaitClosed blocks until no file is open: also those that were opened or closed
// behind a call that was given up.
func (f *Faulty) WaitClosed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.open > 0 {
		f.cond.Wait()
	}
}

// call says what goes wrong in a call of op.
func (f *Faulty) call(op, name string) *Fault {
	f.mu.Lock()
	f.calls[op]++
	f.cond.Broadcast()
	var hit *Fault
	for _, x := range f.faults {
		if x.Op != "" && x.Op != op || x.Name != "" && !matches(x.Name, name) {
			continue
		}
		x.met++
		if hit == nil && x.met > x.Skip && (x.Times == 0 || x.met <= x.Skip+x.Times) {
			hit = &x.Fault
		}
	}
	f.mu.Unlock()
	if hit == nil {
		return &Fault{}
	}
	if hit.Hold != nil {
		<-hit.Hold
	}
	return hit
}

func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, path.Base(filepath.ToSlash(name)))
	return ok
}

func (f *Faulty) err(op, name string) error {
	if err := f.call(op, name).Err; err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (f *Faulty) count(d int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open += d
	f.cond.Broadcast()
}

// do makes a call that has no result.
func (f *Faulty) do(op, name string, call func() error) error {
	if err := f.err(op, name); err != nil {
		return err
	}
	return call()
}

// OpenFile opens a file whose calls can fail too.
func (f *Faulty) OpenFile(name string, flag int, perm fs.FileMode) (aiofiles.Handle, error) {
	if err := f.err("open", name); err != nil {
		return nil, err
	}
	h, err := f.fsys.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	f.count(1)
	return &faultyFile{Handle: h, f: f, name: name}, nil
}

// Stat describes what name leads to.
func (f *Faulty) Stat(name string) (fs.FileInfo, error) {
	if err := f.err("stat", name); err != nil {
		return nil, err
	}
	return f.fsys.Stat(name)
}

// Lstat describes name itself.
func (f *Faulty) Lstat(name string) (fs.FileInfo, error) {
	if err := f.err("lstat", name); err != nil {
		return nil, err
	}
	return f.fsys.Lstat(name)
}

// Readlink reads a symbolic link.
func (f *Faulty) Readlink(name string) (string, error) {
	if err := f.err("readlink", name); err != nil {
		return "", err
	}
	return f.fsys.Readlink(name)
}

// Mkdir makes a folder.
func (f *Faulty) Mkdir(name string, perm fs.FileMode) error {
	return f.do("mkdir", name, func() error { return f.fsys.Mkdir(name, perm) })
}

// Remove removes a file or an empty folder.
func (f *Faulty) Remove(name string) error {
	return f.do("remove", name, func() error { return f.fsys.Remove(name) })
}

// Rename renames a file or folder.
func (f *Faulty) Rename(oldname, newname string) error {
	return f.do("rename", oldname, func() error { return f.fsys.Rename(oldname, newname) })
}

// Link makes another name of a file.
func (f *Faulty) Link(oldname, newname string) error {
	return f.do("link", newname, func() error { return f.fsys.Link(oldname, newname) })
}

// Symlink makes a symbolic link.
func (f *Faulty) Symlink(target, name string) error {
	return f.do("symlink", name, func() error { return f.fsys.Symlink(target, name) })
}

// Chmod sets permission bits.
func (f *Faulty) Chmod(name string, mode fs.FileMode) error {
	return f.do("chmod", name, func() error { return f.fsys.Chmod(name, mode) })
}

// Lchown sets the owner and group.
func (f *Faulty) Lchown(name string, uid, gid int) error {
	return f.do("lchown", name, func() error { return f.fsys.Lchown(name, uid, gid) })
}

// Chtimes sets times.
func (f *Faulty) Chtimes(name string, atime, mtime time.Time) error {
	return f.do("chtimes", name, func() error { return f.fsys.Chtimes(name, atime, mtime) })
}

// faultyFile is an open file of a Faulty.
type faultyFile struct {
	aiofiles.Handle
	f    *Faulty
	name string
}

func (h *faultyFile) Read(p []byte) (int, error) {
	if err := h.f.err("read", h.name); err != nil {
		return 0, err
	}
	return h.Handle.Read(p)
}

func (h *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := h.f.err("read", h.name); err != nil {
		return 0, err
	}
	return h.Handle.ReadAt(p, off)
}

func (h *faultyFile) Write(p []byte) (int, error) {
	return h.write(p, h.Handle.Write)
}

func (h *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	return h.write(p, func(p []byte) (int, error) { return h.Handle.WriteAt(p, off) })
}

func (h *faultyFile) write(p []byte, write func([]byte) (int, error)) (int, error) {
	fault := h.f.call("write", h.name)
	if fault.Err == nil {
		return write(p)
	}
	n, err := write(p[:min(len(p), fault.After)])
	if err == nil {
		err = &fs.PathError{Op: "write", Path: h.name, Err: fault.Err}
	}
	return n, err
}

func (h *faultyFile) Truncate(size int64) error {
	return h.f.do("truncate", h.name, func() error { return h.Handle.Truncate(size) })
}

func (h *faultyFile) Sync() error { return h.f.do("sync", h.name, h.Handle.Sync) }

func (h *faultyFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if err := h.f.err("readdir", h.name); err != nil {
		return nil, err
	}
	return h.Handle.ReadDir(n)
}

// Close closes the file whatever goes wrong.
func (h *faultyFile) Close() error {
	defer h.f.count(-1)
	fault := h.f.err("close", h.name)
	if err := h.Handle.Close(); err != nil {
		return err
	}
	return fault
}

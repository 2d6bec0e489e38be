package aiofilestest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/aiofiles"
)

// A Mem is a file system in memory, with folders, symbolic and hard links and
// permission bits, which it keeps but does not enforce. Names are taken from its
// root, with or without a slash before them. It is safe for concurrent use.
type Mem struct {
	mu   sync.Mutex // guards all nodes
	root *node
	now  func() time.Time
}

var _ aiofiles.FS = (*Mem)(nil)

// node is a file, folder or link.
type node struct {
	mode    fs.FileMode
	mtime   time.Time
	data    []byte
	target  string
	entries map[string]*node
}

// NewMem returns a file system with an empty root and an empty folder for temporary files.
func NewMem() *Mem {
	m := &Mem{now: time.Now}
	m.root = m.folder(0o755)
	dir := m.root
	for part := range strings.SplitSeq(filepath.ToSlash(os.TempDir()), "/") {
		if part != "" && filepath.VolumeName(part) == "" {
			dir.entries[part] = m.folder(0o777)
			dir = dir.entries[part]
		}
	}
	return m
}

func (m *Mem) folder(perm fs.FileMode) *node {
	return &node{mode: fs.ModeDir | perm.Perm(), mtime: m.now(), entries: map[string]*node{}}
}

// maxLinks is how many symbolic links a name may lead over.
const maxLinks = 40

// find walks to name. It returns the folder and the last part of the name as well,
// where that part may be missing: n is nil then.
func (m *Mem) find(name string, follow bool) (dir *node, base string, n *node, err error) {
	links := 0
	var walk func(dir *node, above []*node, name string) (*node, string, *node, error)
	walk = func(dir *node, above []*node, name string) (*node, string, *node, error) {
		parts := strings.Split(name, "/")
		for i, part := range parts {
			last := i == len(parts)-1
			switch part {
			case "", ".":
				if last {
					return nil, ".", dir, nil
				}
				continue
			case "..":
				if len(above) > 0 {
					dir, above = above[len(above)-1], above[:len(above)-1]
				}
				if last {
					return nil, ".", dir, nil
				}
				continue
			}
			child := dir.entries[part]
			if child != nil && child.mode.Type() == fs.ModeSymlink && (!last || follow) {
				if links++; links > maxLinks {
					return nil, "", nil, syscall.ELOOP
				}
				rest := path.Join(append([]string{child.target}, parts[i+1:]...)...)
				if path.IsAbs(rest) {
					return walk(m.root, nil, rest)
				}
				return walk(dir, above, rest)
			}
			if last {
				return dir, part, child, nil
			}
			switch {
			case child == nil:
				return nil, "", nil, syscall.ENOENT
			case !child.mode.IsDir():
				return nil, "", nil, syscall.ENOTDIR
			}
			above, dir = append(above[:len(above):len(above)], dir), child
		}
		return nil, ".", dir, nil
	}
	if name == "" {
		return nil, "", nil, syscall.ENOENT
	}
	return walk(m.root, nil, path.Clean(filepath.ToSlash(name)))
}

// existing is find for a name that has to be there.
func (m *Mem) existing(op, name string, follow bool) (*node, error) {
	_, _, n, err := m.find(name, follow)
	if err == nil && n == nil {
		err = syscall.ENOENT
	}
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

// put makes a node under a name that must be free.
func (m *Mem) put(op, name string, n *node) error {
	dir, base, there, err := m.find(name, false)
	switch {
	case err != nil:
	case there != nil:
		err = syscall.EEXIST
	default:
		dir.entries[base] = n
		dir.mtime = m.now()
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// OpenFile opens a file or folder.
func (m *Mem) OpenFile(name string, flag int, perm fs.FileMode) (aiofiles.Handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, n, err := m.find(name, flag&os.O_EXCL == 0)
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case err != nil:
	case n == nil && flag&os.O_CREATE == 0:
		err = syscall.ENOENT
	case n == nil:
		n = &node{mode: perm.Perm(), mtime: m.now()}
		dir.entries[base] = n
	case flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		err = syscall.EEXIST
	case n.mode.IsDir() && (writes || flag&os.O_CREATE != 0):
		err = syscall.EISDIR
	case flag&os.O_TRUNC != 0:
		n.data, n.mtime = nil, m.now()
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &memFile{m: m, n: n, name: name, flag: flag}, nil
}

// Stat describes what name leads to.
func (m *Mem) Stat(name string) (fs.FileInfo, error) { return m.stat("stat", name, true) }

// Lstat describes name itself.
func (m *Mem) Lstat(name string) (fs.FileInfo, error) { return m.stat("lstat", name, false) }

func (m *Mem) stat(op, name string, follow bool) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.existing(op, name, follow)
	if err != nil {
		return nil, err
	}
	return n.info(path.Base(filepath.ToSlash(name))), nil
}

// Mkdir makes a folder.
func (m *Mem) Mkdir(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put("mkdir", name, m.folder(perm))
}

// Symlink makes a symbolic link.
func (m *Mem) Symlink(target, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put("symlink", name, &node{mode: fs.ModeSymlink | 0o777, mtime: m.now(), target: filepath.ToSlash(target)})
}

// Readlink reads a symbolic link.
func (m *Mem) Readlink(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.existing("readlink", name, false)
	if err == nil && n.mode.Type() != fs.ModeSymlink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: syscall.EINVAL}
	}
	if err != nil {
		return "", err
	}
	return n.target, nil
}

// Link makes another name of a file.
func (m *Mem) Link(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.existing("link", oldname, false)
	if err != nil {
		return err
	}
	if n.mode.IsDir() {
		return &fs.PathError{Op: "link", Path: oldname, Err: syscall.EPERM}
	}
	return m.put("link", newname, n)
}

// Remove removes a file or an empty folder.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, n, err := m.find(name, false)
	switch {
	case err != nil:
	case n == nil:
		err = syscall.ENOENT
	case dir == nil:
		err = syscall.EBUSY
	case len(n.entries) > 0:
		err = syscall.ENOTEMPTY
	default:
		delete(dir.entries, base)
		dir.mtime = m.now()
		return nil
	}
	return &fs.PathError{Op: "remove", Path: name, Err: err}
}

// Rename renames a file or folder; a file may take the place of another.
func (m *Mem) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fail := func(err error) error { return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err} }
	from, oldBase, n, err := m.find(oldname, false)
	if err == nil && (n == nil || from == nil) {
		err = syscall.ENOENT
	}
	if err != nil {
		return fail(err)
	}
	to, newBase, there, err := m.find(newname, false)
	switch {
	case err != nil:
		return fail(err)
	case to == nil:
		return fail(syscall.EBUSY)
	case there != nil && there.mode.IsDir():
		return fail(syscall.EEXIST) // as os.Rename, even if it is empty
	case there == n:
		return nil
	case n.mode.IsDir() && n.holds(to):
		return fail(syscall.EINVAL)
	case there != nil && n.mode.IsDir():
		return fail(syscall.ENOTDIR)
	}
	delete(from.entries, oldBase)
	to.entries[newBase] = n
	from.mtime, to.mtime = m.now(), m.now()
	return nil
}

// holds reports whether other is n or below it.
func (n *node) holds(other *node) bool {
	if n == other {
		return true
	}
	for _, child := range n.entries {
		if child.holds(other) {
			return true
		}
	}
	return false
}

// Chmod sets permission bits.
func (m *Mem) Chmod(name string, mode fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.existing("chmod", name, true)
	if err == nil {
		n.mode = n.mode.Type() | mode.Perm()
	}
	return err
}

// Lchown does nothing: all files are the same user's.
func (m *Mem) Lchown(name string, _, _ int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.existing("lchown", name, false)
	return err
}

// Chtimes sets the time of the last change.
func (m *Mem) Chtimes(name string, _, mtime time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.existing("chtimes", name, true)
	if err == nil && !mtime.IsZero() {
		n.mtime = mtime
	}
	return err
}

// info describes n by a copy of what it is now.
func (n *node) info(name string) fs.FileInfo {
	size := int64(len(n.data))
	if n.mode.Type() == fs.ModeSymlink {
		size = int64(len(n.target))
	}
	return &info{name: name, size: size, mode: n.mode, mtime: n.mtime, node: n}
}

type info struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
	node  *node
}

func (i *info) Name() string       { return i.name }
func (i *info) Size() int64        { return i.size }
func (i *info) Mode() fs.FileMode  { return i.mode }
func (i *info) ModTime() time.Time { return i.mtime }
func (i *info) IsDir() bool        { return i.mode.IsDir() }
func (i *info) Sys() any           { return i.node }

package aiofilestest

import (
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// memFile is an open file of a Mem.
type memFile struct {
	m    *Mem
	n    *node
	name string
	flag int

	// guarded by m.mu
	pos    int64
	listed []fs.DirEntry
	begun  bool
	closed bool
}

// use locks the file system for a call on an open file.
func (f *memFile) use(op string, writes, reads bool) (unlock func(), err error) {
	f.m.mu.Lock()
	switch access := f.flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR); {
	case f.closed:
		err = fs.ErrClosed
	case writes && access == os.O_RDONLY, reads && access == os.O_WRONLY:
		err = syscall.EBADF
	case reads && f.n.mode.IsDir():
		err = syscall.EISDIR
	}
	if err != nil {
		f.m.mu.Unlock()
		return nil, &fs.PathError{Op: op, Path: f.name, Err: err}
	}
	return f.m.mu.Unlock, nil
}

func (f *memFile) Read(p []byte) (int, error) {
	unlock, err := f.use("read", false, true)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if f.pos >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[f.pos:])
	f.pos += int64(n)
	return n, nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	unlock, err := f.use("read", false, true)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if off < 0 {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: syscall.EINVAL}
	}
	n := copy(p, f.n.data[min(off, int64(len(f.n.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	unlock, err := f.use("write", true, false)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if f.flag&os.O_APPEND != 0 {
		f.pos = int64(len(f.n.data))
	}
	f.n.write(p, f.pos)
	f.n.mtime = f.m.now()
	f.pos += int64(len(p))
	return len(p), nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	unlock, err := f.use("write", true, false)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if off < 0 {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: syscall.EINVAL}
	}
	f.n.write(p, off)
	f.n.mtime = f.m.now()
	return len(p), nil
}

func (n *node) write(p []byte, off int64) {
	n.resize(max(int64(len(n.data)), off+int64(len(p))))
	copy(n.data[off:], p)
}

func (n *node) resize(size int64) {
	if size <= int64(len(n.data)) {
		n.data = n.data[:size:size]
		return
	}
	n.data = append(n.data, make([]byte, size-int64(len(n.data)))...)
}

func (f *memFile) Truncate(size int64) error {
	unlock, err := f.use("truncate", true, false)
	if err != nil {
		return err
	}
	defer unlock()
	if size < 0 {
		return &fs.PathError{Op: "truncate", Path: f.name, Err: syscall.EINVAL}
	}
	f.n.resize(size)
	f.n.mtime = f.m.now()
	return nil
}

func (f *memFile) Stat() (fs.FileInfo, error) {
	unlock, err := f.use("stat", false, false)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return f.n.info(path.Base(filepath.ToSlash(f.name))), nil
}

func (f *memFile) Sync() error {
	unlock, err := f.use("sync", false, false)
	if err == nil {
		unlock()
	}
	return err
}

func (f *memFile) ReadDir(n int) ([]fs.DirEntry, error) {
	unlock, err := f.use("readdir", false, false)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !f.n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: f.name, Err: syscall.ENOTDIR}
	}
	if !f.begun {
		f.begun = true
		for name, child := range f.n.entries {
			f.listed = append(f.listed, fs.FileInfoToDirEntry(child.info(name)))
		}
		slices.SortFunc(f.listed, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	if n <= 0 || n > len(f.listed) {
		if n > 0 && len(f.listed) == 0 {
			return nil, io.EOF
		}
		n = len(f.listed)
	}
	batch := f.listed[:n]
	f.listed = f.listed[n:]
	return batch, nil
}

func (f *memFile) Close() error {
	unlock, err := f.use("close", false, false)
	if err != nil {
		return err
	}
	defer unlock()
	f.closed = true
	return nil
}

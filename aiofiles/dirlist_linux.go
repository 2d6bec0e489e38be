package aiofiles

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// direntHeader is what comes before the name in a struct linux_dirent64: inode,
// offset, length of the record and type.
const direntHeader = 8 + 8 + 2 + 1

var direntBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// osEntry is an entry of a folder whose names and entries share their memory.
type osEntry struct {
	dir  *string
	name string
	typ  fs.FileMode
}

func (e *osEntry) Name() string               { return e.name }
func (e *osEntry) IsDir() bool                { return e.typ == fs.ModeDir }
func (e *osEntry) Type() fs.FileMode          { return e.typ }
func (e *osEntry) Info() (fs.FileInfo, error) { return os.Lstat(filepath.Join(*e.dir, e.name)) }
func (e *osEntry) String() string             { return fs.FormatDirEntry(e) }

// listDir reads a whole folder. It makes three allocations, not two an entry, as
// os.ReadDir does.
func (osFS) listDir(name string) ([]fs.DirEntry, error) {
	fd, err := openFD(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := direntBuffers.Get().(*[64 << 10]byte)
	defer direntBuffers.Put(buf)
	var names strings.Builder
	var ends []int
	var types []byte
	for {
		n, err := retry(func() (int, error) { return unix.Getdents(fd, buf[:]) })
		if err != nil {
			return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
		}
		if n == 0 {
			break
		}
		for rest := buf[:n]; len(rest) >= direntHeader; {
			size := int(binary.NativeEndian.Uint16(rest[16:]))
			entry, _, _ := bytes.Cut(rest[direntHeader:size], []byte{0})
			if string(entry) != "." && string(entry) != ".." {
				names.Write(entry)
				ends = append(ends, names.Len())
				types = append(types, rest[18])
			}
			rest = rest[size:]
		}
	}
	return entries(name, names.String(), ends, types)
}

func entries(dir, names string, ends []int, types []byte) ([]fs.DirEntry, error) {
	all := make([]osEntry, len(ends))
	list := make([]fs.DirEntry, 0, len(ends))
	from := 0
	for i, end := range ends {
		e := &all[i]
		e.dir, e.name = &dir, names[from:end]
		from = end
		if types[i] == unix.DT_UNKNOWN { // some file systems do not say
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return list, err
			}
			e.typ = info.Mode().Type()
		} else {
			e.typ = direntType(types[i])
		}
		list = append(list, e)
	}
	return list, nil
}

func direntType(t byte) fs.FileMode {
	switch t {
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_LNK:
		return fs.ModeSymlink
	case unix.DT_FIFO:
		return fs.ModeNamedPipe
	case unix.DT_SOCK:
		return fs.ModeSocket
	case unix.DT_CHR:
		return fs.ModeDevice | fs.ModeCharDevice
	case unix.DT_BLK:
		return fs.ModeDevice
	}
	return 0
}

package aiofiles

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// direntHeader is what comes before the name in a struct linux_dirent64: inode,
// offset, length of the record and type.
const direntHeader = 8 + 8 + 2 + 1

// dirScratch is the memory that reading a folder needs for a moment.
type dirScratch struct {
	dirents [64 << 10]byte
	names   []byte // of all entries, one behind the other
	ends    []int  // of each of the names
	types   []byte
}

var dirScratches = sync.Pool{New: func() any { return new(dirScratch) }}

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

// listDir reads a whole folder. It makes a few allocations, not three an entry,
// as os.ReadDir does.
func (osFS) listDir(name string) ([]fs.DirEntry, error) {
	fd, err := openFD(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	d := dirScratches.Get().(*dirScratch)
	defer dirScratches.Put(d)
	d.names, d.ends, d.types = d.names[:0], d.ends[:0], d.types[:0]
	for {
		n, err := retry(func() (int, error) { return unix.Getdents(fd, d.dirents[:]) })
		if err != nil {
			return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
		}
		if n == 0 {
			return d.entries(name)
		}
		for rest := d.dirents[:n]; len(rest) >= direntHeader; {
			size := int(binary.NativeEndian.Uint16(rest[16:]))
			entry := rest[direntHeader:size]
			entry = entry[:bytes.IndexByte(entry, 0)]
			if string(entry) != "." && string(entry) != ".." {
				d.names = append(d.names, entry...)
				d.ends = append(d.ends, len(d.names))
				d.types = append(d.types, rest[18])
			}
			rest = rest[size:]
		}
	}
}

// entries makes the entries of the folder dir of what was read.
func (d *dirScratch) entries(dir string) ([]fs.DirEntry, error) {
	names := string(d.names)
	all := make([]osEntry, len(d.ends))
	list := make([]fs.DirEntry, 0, len(d.ends))
	from := 0
	for i, end := range d.ends {
		e := &all[i]
		e.dir, e.name = &dir, names[from:end]
		from = end
		if d.types[i] == unix.DT_UNKNOWN { // some file systems do not say
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return list, err
			}
			e.typ = info.Mode().Type()
		} else {
			e.typ = direntType(d.types[i])
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

package aiofiles

import (
	"context"
	"io"
	"io/fs"
	"sync"
	"syscall"
	"time"
)

// SpooledFile opens a temporary file that is in memory until it has more than
// maxSize bytes, and then one of [TempFile]. While it is in memory its calls do not wait.
//
// Python: tempfile.SpooledTemporaryFile.
func SpooledFile(ctx context.Context, maxSize int64, opts *TempOptions) (*Spool, error) {
	o := opts.copied()
	m, open, txt, err := prepare(o.Mode, o.Open)
	if err != nil {
		return nil, &fs.PathError{Op: "createtemp", Path: o.Dir, Err: err}
	}
	fsys := fsOf(ctx)
	h := &spool{max: maxSize, roll: func() (Handle, error) { return openTemp(fsys, o) }}
	f, err := newFile(ctx, h, "spooled", m, open, txt)
	if err != nil {
		return nil, err
	}
	return &Spool{File: f, h: h}, nil
}

// A Spool is a temporary file that begins in memory.
type Spool struct {
	*File
	h *spool
}

// Fd is the descriptor of the file, or -1 while it is in memory: [Spool.Rollover]
// gives it one.
func (s *Spool) Fd() int {
	s.h.mu.RLock()
	defer s.h.mu.RUnlock()
	if h, ok := s.h.disk.(interface{ Fd() uintptr }); ok {
		return int(h.Fd())
	}
	return -1
}

// InMemory reports whether the file is still in memory.
func (s *Spool) InMemory() bool { return !s.h.rolled() }

// Rollover moves the file to disk now.
//
// Python: rollover.
func (s *Spool) Rollover(ctx context.Context) error {
	return s.call(ctx, "rollover", 0, func(h how) error {
		if h == trying {
			return errWouldBlock
		}
		if err := s.flush(); err != nil {
			return err
		}
		s.h.mu.Lock()
		defer s.h.mu.Unlock()
		return s.h.toDisk()
	}, nil)
}

// spool is the handle of a Spool.
type spool struct {
	max  int64
	roll func() (Handle, error)

	mu   sync.RWMutex // guards following
	data []byte
	disk Handle
}

func (s *spool) rolled() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.disk != nil
}

// toDisk makes the file on disk. s.mu is held.
func (s *spool) toDisk() error {
	if s.disk != nil {
		return nil
	}
	h, err := s.roll()
	if err != nil {
		return err
	}
	if _, err := h.WriteAt(s.data, 0); err != nil {
		h.Close()
		return err
	}
	s.disk, s.data = h, nil
	return nil
}

func (s *spool) size() (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.disk == nil {
		return int64(len(s.data)), nil
	}
	if sized, ok := s.disk.(interface{ size() (int64, error) }); ok {
		return sized.size()
	}
	info, err := s.disk.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readNow reads from memory.
func (s *spool) readNow(p []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.disk == nil {
		return readBytes(s.data, p, off)
	}
	if now, ok := s.disk.(nowReader); ok {
		return now.readNow(p, off)
	}
	return 0, errWouldBlock
}

func readBytes(data, p []byte, off int64) (int, error) {
	if off >= int64(len(data)) {
		return 0, io.EOF
	}
	return copy(p, data[off:]), nil
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.disk != nil {
		return s.disk.ReadAt(p, off)
	}
	n, err := readBytes(s.data, p, off)
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// writeNow writes to memory, or reports errWouldBlock where the file has to move.
func (s *spool) writeNow(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := off + int64(len(p))
	if s.disk != nil || end > s.max && s.max > 0 {
		return 0, errWouldBlock
	}
	if grow := end - int64(len(s.data)); grow > 0 {
		s.data = append(s.data, make([]byte, grow)...)
	}
	return copy(s.data[off:], p), nil
}

func (s *spool) WriteAt(p []byte, off int64) (int, error) {
	if n, err := s.writeNow(p, off); err != errWouldBlock {
		return n, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.toDisk(); err != nil {
		return 0, err
	}
	return s.disk.WriteAt(p, off)
}

func (s *spool) Read([]byte) (int, error) { return 0, syscall.EINVAL }

// Write appends, for mode a.
func (s *spool) Write(p []byte) (int, error) {
	size, err := s.size()
	if err != nil {
		return 0, err
	}
	return s.WriteAt(p, size)
}

func (s *spool) Truncate(size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disk == nil && size > s.max && s.max > 0 {
		if err := s.toDisk(); err != nil {
			return err
		}
	}
	switch {
	case s.disk != nil:
		return s.disk.Truncate(size)
	case size < 0:
		return syscall.EINVAL
	case size <= int64(len(s.data)):
		s.data = s.data[:size]
	default:
		s.data = append(s.data, make([]byte, size-int64(len(s.data)))...)
	}
	return nil
}

func (s *spool) Sync() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.disk == nil {
		return nil
	}
	return s.disk.Sync()
}

func (s *spool) Stat() (fs.FileInfo, error) {
	s.mu.RLock()
	disk := s.disk
	s.mu.RUnlock()
	if disk != nil {
		return disk.Stat()
	}
	size, err := s.size()
	return spoolInfo(size), err
}

func (s *spool) ReadDir(int) ([]fs.DirEntry, error) { return nil, syscall.ENOTDIR }

func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = nil
	if s.disk == nil {
		return nil
	}
	return s.disk.Close()
}

// spoolInfo describes a file in memory by its size.
type spoolInfo int64

func (i spoolInfo) Name() string     { return "spooled" }
func (i spoolInfo) Size() int64      { return int64(i) }
func (spoolInfo) Mode() fs.FileMode  { return 0o600 }
func (spoolInfo) ModTime() time.Time { return time.Time{} }
func (spoolInfo) IsDir() bool        { return false }
func (spoolInfo) Sys() any           { return nil }

package aiohttp

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A downloadState is what a later run has to know about a part.
type downloadState struct {
	// URL is the digest of the URL and range that the part belongs to.
	URL          string
	ETag         string `json:",omitempty"`
	LastModified string `json:",omitempty"`
	// Total is the size of the whole, or -1.
	Total int64
	// Synced is how much of the part was surely on the disk; Boot tells whether the
	// machine ran on since then, so that the rest is there too.
	Synced int64
	Boot   string `json:",omitempty"`

	Size int64 `json:"-"` // that can be used
}

// A fileSink is a file that is complete or not there, with a part beside it.
type fileSink struct {
	name  string
	f     *os.File
	state downloadState
	aside bool // there may be a sidecar
	ended bool
}

func (s *fileSink) rename(name string) { s.name = name }
func (s *fileSink) path() string       { return s.name }

func (s *fileSink) part() string    { return s.name + ".part" }
func (s *fileSink) sidecar() string { return s.name + ".part.json" }

func (s *fileSink) open(url string, fresh bool) (downloadState, error) {
	f, made, err := lockPart(s.part())
	if err != nil {
		return downloadState{}, err
	}
	s.f = f
	none := downloadState{Total: -1}
	if made { // a sidecar that was left without its part tells of another one
		s.aside = true
		return none, s.removeSidecar()
	}
	st, err := s.load(url)
	s.aside = !errors.Is(err, os.ErrNotExist)
	if err != nil || fresh {
		return none, s.move(0)
	}
	info, err := f.Stat()
	if err != nil {
		return none, err
	}
	st.Size = info.Size()
	if st.Boot == "" || st.Boot != bootID() {
		st.Size = min(st.Size, st.Synced)
	}
	if st.Total >= 0 && st.Size > st.Total {
		return none, s.move(0)
	}
	s.state = st
	return st, s.move(st.Size)
}

// lockPart opens the part and takes it for this download alone; made tells that
// it was not there. A link or a pipe in its place is removed, never followed.
func lockPart(name string) (f *os.File, made bool, err error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		made := err == nil
		if errors.Is(err, os.ErrExist) {
			if f, err = reopenPart(name); errors.Is(err, os.ErrNotExist) {
				continue
			}
		}
		if err != nil {
			return nil, false, err
		}
		if err := lockFile(f); err != nil {
			f.Close()
			return nil, false, fmt.Errorf("%s: another download writes it: %w", name, err)
		}
		// The one who held the lock before may have renamed the file under us.
		mine, err := f.Stat()
		now, nerr := os.Stat(name)
		if err == nil && nerr == nil && os.SameFile(mine, now) {
			return f, made, nil
		}
		f.Close()
		if err != nil || nerr != nil && !errors.Is(nerr, os.ErrNotExist) {
			return nil, false, errors.Join(err, nerr)
		}
	}
}

// reopenPart opens a part that is there. The error is os.ErrNotExist if it is no
// longer, or what was there was no file.
func reopenPart(name string) (*os.File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if m := info.Mode(); !m.IsRegular() && !m.IsDir() {
		return nil, cmp.Or(os.Remove(name), os.ErrNotExist)
	}
	return os.OpenFile(name, os.O_RDWR|noFollow, 0)
}

// load reads the sidecar; an error means that the part cannot be used.
func (s *fileSink) load(url string) (downloadState, error) {
	data, err := os.ReadFile(s.sidecar())
	if err != nil {
		return downloadState{}, err
	}
	var st downloadState
	if err := json.Unmarshal(data, &st); err != nil {
		return downloadState{}, err
	}
	if st.URL != url {
		return downloadState{}, errors.New("another URL's part")
	}
	return st, nil
}

// save writes the sidecar so that it is the old or the new one at any time.
func (s *fileSink) save(st downloadState) error {
	st.Boot = bootID()
	s.state, s.aside = st, true
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	tmp := s.sidecar() + ".new"
	os.Remove(tmp)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return os.Rename(tmp, s.sidecar())
}

func (s *fileSink) move(to int64) error {
	if to == 0 {
		// First the state: a part without one is never resumed.
		if err := s.removeSidecar(); err != nil {
			return err
		}
		s.state = downloadState{}
	}
	if err := s.f.Truncate(to); err != nil {
		return err
	}
	_, err := s.f.Seek(to, io.SeekStart)
	return err
}

func (s *fileSink) Write(p []byte) (int, error) { return s.f.Write(p) }
func (s *fileSink) local() bool                 { return true }

func (s *fileSink) prefix() (io.ReadCloser, error) { return os.Open(s.part()) }

func (s *fileSink) finish(sync bool) error {
	s.ended = true
	if sync {
		if err := s.f.Sync(); err != nil {
			return errors.Join(err, s.f.Close())
		}
	}
	// Renamed while it is open, and so while it is locked.
	if err := renameOpen(s.f, s.part(), s.name); err != nil {
		return errors.Join(err, s.f.Close())
	}
	err := errors.Join(s.f.Close(), s.removeSidecar())
	if sync {
		err = errors.Join(err, syncDir(filepath.Dir(s.name)))
	}
	return err
}

func (s *fileSink) discard() error {
	if s.ended || s.f == nil {
		return nil
	}
	s.ended = true
	return errors.Join(os.Remove(s.part()), s.f.Close(), s.removeSidecar())
}

// close leaves the part for a later run; an empty one is removed.
func (s *fileSink) close() error {
	if s.ended || s.f == nil {
		return nil
	}
	s.ended = true
	info, err := s.f.Stat()
	if err == nil && info.Size() == 0 {
		return errors.Join(s.f.Close(), os.Remove(s.part()), s.removeSidecar())
	}
	if err == nil && s.state.URL != "" {
		if err = s.f.Sync(); err == nil {
			s.state.Synced = info.Size()
			err = s.save(s.state)
		}
	}
	return errors.Join(err, s.f.Close())
}

func (s *fileSink) removeSidecar() error {
	if !s.aside {
		return nil
	}
	s.aside = false
	if err := os.Remove(s.sidecar()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrInvalid) {
		return err
	}
	return nil
}

// bootID changes when the machine starts; "" where it cannot be told.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// A writerSink is a writer of the caller's.
type writerSink struct {
	w     io.Writer
	n     int64
	start int64 // the position at the beginning, if it can seek
}

func newWriterSink(w io.Writer) *writerSink {
	s := &writerSink{w: w}
	if sk, ok := w.(io.Seeker); ok {
		if at, err := sk.Seek(0, io.SeekCurrent); err == nil {
			s.start = at
		}
	}
	return s
}

func (s *writerSink) open(string, bool) (downloadState, error) { return downloadState{Total: -1}, nil }
func (s *writerSink) rename(string)                            {}
func (s *writerSink) path() string                             { return "" }
func (s *writerSink) save(downloadState) error                 { return nil }
func (s *writerSink) finish(bool) error                        { return nil }
func (s *writerSink) discard() error                           { return nil }
func (s *writerSink) close() error                             { return nil }
func (s *writerSink) local() bool                              { return false }

func (s *writerSink) prefix() (io.ReadCloser, error) {
	return nil, errors.New("a part that was written cannot be read again")
}

func (s *writerSink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

func (s *writerSink) move(to int64) error {
	if to == s.n {
		return nil
	}
	f, ok := s.w.(interface {
		io.Seeker
		Truncate(size int64) error
	})
	if !ok {
		return ErrCannotRestart
	}
	if err := f.Truncate(s.start + to); err != nil {
		return &caused{ErrCannotRestart, err}
	}
	if _, err := f.Seek(s.start+to, io.SeekStart); err != nil {
		return &caused{ErrCannotRestart, err}
	}
	s.n = to
	return nil
}

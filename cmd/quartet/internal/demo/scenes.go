package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quartet-go/quartet/cmd/quartet/internal/fetch"
	"github.com/quartet-go/quartet/cmd/quartet/internal/origin"
	"github.com/quartet-go/quartet/cmd/quartet/internal/work"
	"github.com/quartet-go/quartet/multiprocessing"
)

// What a scene's task does beside, or instead of, its work.
const (
	waitsToDie    = "digest, and waits to die"
	loopsForEver  = "loops for ever"
	takesGigabyte = "allocates 1 GiB"
)

// A scene is a file whose work does not go well, and how that ended.
type scene struct {
	what  string
	file  string // its name
	notes string // the file to which the pids of the workers are written
	err   error  // how the task ended
}

// scenesOf chooses files for the scenes: the first that are served well.
func scenesOf(files []origin.File, notes string) []*scene {
	whats := []string{waitsToDie, loopsForEver, takesGigabyte}
	var scenes []*scene
	for _, f := range files {
		if n := len(scenes); f.Fault == origin.None && n < len(whats) {
			scenes = append(scenes, &scene{
				what:  whats[n],
				file:  filepath.Base(f.Path),
				notes: filepath.Join(notes, "pids-"+strconv.Itoa(n)),
			})
		}
	}
	return scenes
}

// work is what is done to each file: its digest, in a worker process.
func (d *demo) work(ctx context.Context, f *fetch.Fetcher, path string) (string, error) {
	digest := func() (string, error) {
		return fetch.Apply(ctx, f, path, work.Digest, work.DigestJob{File: path, Hash: "sha256"})
	}
	for _, s := range d.scenes {
		if s.file != filepath.Base(path) {
			continue
		}
		var got string
		got, s.err = fetch.Apply(ctx, f, path, play, part{What: s.what, File: path, Notes: s.notes})
		if s.what == waitsToDie {
			return got, s.err
		}
		// The task was stopped. The pool goes on, with this very file.
		return digest()
	}
	return digest()
}

// A part is what a worker does in a scene.
type part struct{ What, File, Notes string }

var play = multiprocessing.Register("play", func(ctx context.Context, p part) (string, error) {
	first, err := note(p.Notes)
	if err != nil {
		return "", err
	}
	switch p.What {
	case loopsForEver:
		for n := 0; ; n++ { //nolint:revive // the point of it
		}
	case takesGigabyte:
		var blocks [][]byte
		for left := gluttony; left > 0; left -= 16 << 20 {
			block := make([]byte, 16<<20)
			for i := 0; i < len(block); i += os.Getpagesize() {
				block[i] = 1
			}
			blocks = append(blocks, block)
		}
		return "", fmt.Errorf("all of %d blocks were there to take", len(blocks))
	}
	if first {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(time.Minute):
			return "", errors.New("nobody came to kill it")
		}
	}
	return work.DigestOf(ctx, work.DigestJob{File: p.File, Hash: "sha256"})
})

// note writes the pid of this process behind those in file, and reports whether
// it is the first.
func note(file string) (first bool, err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	return info.Size() == int64(len(fmt.Sprintln(os.Getpid()))), nil
}

// killOne kills the first worker that takes the task which waits for that.
func (d *demo) killOne(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, s := range d.scenes {
			if pids := s.pids(); s.what == waitsToDie && len(pids) > 0 {
				if p, err := os.FindProcess(pids[0]); err == nil {
					_ = p.Kill()
				}
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pids returns the workers that took the task, in order.
func (s *scene) pids() (pids []int) {
	notes, _ := os.ReadFile(s.notes)
	for line := range strings.Lines(string(notes)) {
		if pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (s *scene) title() string { return s.what + " (" + s.file + ")" }

// outcome tells how the task ended, and fails unless that was as meant.
func (s *scene) outcome() (string, error) {
	pids := s.pids()
	switch {
	case s.what == waitsToDie && s.err == nil && len(pids) == 2:
		return fmt.Sprintf("killed with -9, done again by %d", pids[1]), nil
	case s.what == loopsForEver && errors.Is(s.err, multiprocessing.ErrTimeout) && len(pids) == 1:
		return fmt.Sprintf("stopped after %v by its time limit", timeLimit), nil
	case s.what == takesGigabyte && errors.Is(s.err, multiprocessing.ErrMemory) && len(pids) == 1:
		return fmt.Sprintf("stopped at %d MiB by its memory limit", memoryLimit>>20), nil
	}
	return fmt.Sprint(s.err), fmt.Errorf("%s: taken by %v and ended with: %w", s.title(), pids, s.err)
}

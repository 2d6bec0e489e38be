// Package demo shows the main job of quartet on one machine: it fetches from a
// server that misbehaves on purpose, and has the files worked on by processes of
// which one is killed, one loops for ever and one takes more memory than it may.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/cmd/quartet/internal/fetch"
	"github.com/quartet-go/quartet/cmd/quartet/internal/origin"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
	"github.com/quartet-go/quartet/cmd/quartet/internal/urllist"
)

// Options configures [Run]. A zero field means the default.
type Options struct {
	// Dir is where the files go. Default: a temporary folder, which is removed.
	Dir string
	// Seed decides on the files.
	Seed uint64
	// Files is how many there are. Default: 300.
	Files int
	// Flip makes the server change one byte, which must be found out.
	Flip bool
}

// ErrBytes is the error of files that are not what the seed says.
var ErrBytes = errors.New("bytes differ from what the seed says")

const (
	pause       = time.Second       // of a slow answer
	timeLimit   = 3 * time.Second   // of the work on one file
	memoryLimit = 256 << 20         // of the work on one file, in bytes
	gluttony    = int64(1024 << 20) // what one task allocates
)

// A demo is one run.
type demo struct {
	opts   Options
	server *origin.Server
	scenes []*scene
	stdout io.Writer

	mu   sync.Mutex // guards following
	seen map[origin.Fault]int
}

// Run runs the demonstration, tells on stdout what happened and on stderr what
// happens. The error is nil if all files are right, byte by byte, and all went
// as it was meant to.
func Run(ctx context.Context, stdout, stderr io.Writer, opts *Options) error {
	d := &demo{opts: *opts, stdout: stdout, seen: map[origin.Fault]int{}}
	if d.opts.Files == 0 {
		d.opts.Files = 300
	}
	notes, err := os.MkdirTemp("", "quartet-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(notes) }()
	if d.opts.Dir == "" {
		d.opts.Dir = filepath.Join(notes, "files")
	}
	d.server, err = origin.Start(&origin.Options{
		Seed: d.opts.Seed, Files: d.opts.Files, Pause: pause, Flip: d.opts.Flip,
	})
	if err != nil {
		return err
	}
	defer func() { _ = d.server.Close() }()
	d.scenes = scenesOf(d.server.Files(), notes)

	began := time.Now()
	records, err := d.fetch(ctx, stderr)
	if err != nil {
		return err
	}
	return errors.Join(d.checkFiles(records, time.Since(began)), d.checkFaults(), d.checkScenes())
}

// fetch fetches all files and returns what became of each, by URL.
func (d *demo) fetch(ctx context.Context, stderr io.Writer) (map[string]report.Record, error) {
	var urls []string
	for _, f := range d.server.Files() {
		urls = append(urls, d.server.URL(f))
	}
	var lines bytes.Buffer
	rep := report.New(&lines, stderr, &report.Options{JSON: true})
	fetcher := fetch.New(rep, fetch.Options{
		Dir:         d.opts.Dir,
		WorkTimeout: timeLimit,
		WorkMemory:  memoryLimit,
		Workers:     4, // three are about to be lost for a while
		Work:        d.work,
		OnAttempt:   d.count,
	})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var killing sync.WaitGroup
	killing.Go(func() { d.killOne(ctx) })
	err := fetcher.Run(ctx, urllist.NewReader(urls, nil))
	cancel()
	killing.Wait()
	rep.Close("")
	if err != nil {
		return nil, err
	}
	records := map[string]report.Record{}
	for dec := json.NewDecoder(&lines); ; {
		var rec report.Record
		if err := dec.Decode(&rec); errors.Is(err, io.EOF) {
			return records, nil
		} else if err != nil {
			return nil, err
		}
		records[rec.URL] = rec
	}
}

// count tells from an attempt which fault befell it. That an answer was slow is
// told from the clock, which on a busy machine accuses others too.
func (d *demo) count(a fetch.Attempt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case a.Status == 500:
		d.seen[origin.ServerError]++
	case a.Status == 429:
		d.seen[origin.TooMany]++
	case errors.Is(a.Err, syscall.ECONNRESET):
		d.seen[origin.Reset]++
	case errors.Is(a.Err, aiohttp.ErrPayload):
		d.seen[origin.WrongLength]++
	case a.Err != nil:
		return
	case strings.Contains(a.URL, "-slow") && a.Took >= pause:
		d.seen[origin.Slow]++
	}
	if a.Redirects > 0 {
		d.seen[origin.Redirect]++
	}
	if a.Encoding == "gzip" {
		d.seen[origin.Gzip]++
	}
}

func (d *demo) checkFiles(records map[string]report.Record, took time.Duration) error {
	var right int
	var size int64
	var wrong []error
	for _, f := range d.server.Files() {
		rec := records[d.server.URL(f)]
		switch {
		case rec.Error != "":
			wrong = append(wrong, fmt.Errorf("%s: %s", f.Path, rec.Error))
		case rec.Digest != f.Digest():
			wrong = append(wrong, fmt.Errorf("%s: %w", f.Path, ErrBytes))
		default:
			right++
			size += rec.Bytes
		}
	}
	fmt.Fprintf(d.stdout, "%d of %d files fetched and right, byte by byte: %.1f MB in %.1fs\n\n",
		right, len(d.server.Files()), float64(size)/1e6, took.Seconds())
	return errors.Join(wrong...)
}

func (d *demo) checkFaults() error {
	dealt := d.server.Dealt()
	var wrong []error
	fmt.Fprintf(d.stdout, "%-14s %9s %9s\n", "fault", "dealt out", "met")
	for _, fault := range origin.Faults {
		fmt.Fprintf(d.stdout, "%-14s %9d %9d\n", fault, dealt[fault], d.seen[fault])
		if dealt[fault] != d.seen[fault] || dealt[fault] < 5 {
			wrong = append(wrong, fmt.Errorf("fault %q: dealt out %d times, met %d times", fault, dealt[fault], d.seen[fault]))
		}
	}
	fmt.Fprintln(d.stdout)
	return errors.Join(wrong...)
}

func (d *demo) checkScenes() error {
	var wrong []error
	fmt.Fprintf(d.stdout, "%-8s %-40s %8s  %s\n", "pid", "task", "attempts", "outcome")
	for _, s := range d.scenes {
		outcome, err := s.outcome()
		pid := "-"
		if pids := s.pids(); len(pids) > 0 {
			pid = fmt.Sprint(pids[0])
		}
		fmt.Fprintf(d.stdout, "%-8s %-40s %8d  %s\n", pid, s.title(), len(s.pids()), outcome)
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

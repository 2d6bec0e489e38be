// Package leakcheck finds what a test binary leaves behind: goroutines, child
// processes and zombies, open descriptors, and temporary files.
//
// A package's TestMain calls [Run], which runs the tests and then looks. A test
// that wants to know about itself alone uses [Take] and [Snapshot.Since].
// Children and descriptors are seen on Linux only.
package leakcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Options configures [Run]. A nil pointer or a zero field means the default.
type Options struct {
	// IgnoreGoroutine reports whether the goroutine with this stack may stay.
	// Default: none but the runtime's and testing's own.
	IgnoreGoroutine func(stack string) bool
	// IgnoreChild reports whether the child with this command line may stay.
	// Default: the sentry of package multiprocessing, which ends with Main.
	IgnoreChild func(cmdline string) bool
	// Patience is how long what is on its way out may take to be gone.
	// Default: 5s.
	Patience time.Duration
}

// Run runs the tests of m with a temporary directory of their own and returns
// their exit code, or 1 with a report on stderr if they passed and left
// something behind. Call it in TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }
func Run(m *testing.M, opts *Options) int {
	temp, restore, err := ownTemp()
	if err != nil {
		fmt.Fprintln(os.Stderr, "leakcheck:", err)
		return 1
	}
	defer restore()

	before := Take(opts)
	code := m.Run()
	if code != 0 {
		return code
	}
	leaks := before.Since()
	leaks = append(leaks, tempLeaks(temp)...)
	if len(leaks) == 0 {
		return 0
	}
	fmt.Fprintf(os.Stderr, "leakcheck: the tests passed and left %d things behind:\n", len(leaks))
	for _, leak := range leaks {
		fmt.Fprintf(os.Stderr, "\n%s\n", leak)
	}
	return 1
}

// A Snapshot is what a process held at one moment.
type Snapshot struct {
	opts       Options
	goroutines map[string]bool // by identity, "goroutine 18"
	children   map[int]bool    // by pid
	files      map[string]int  // open descriptors by what they are
}

// Take takes a snapshot of the calling process.
func Take(opts *Options) *Snapshot {
	s := &Snapshot{goroutines: map[string]bool{}, children: map[int]bool{}}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Patience == 0 {
		s.opts.Patience = 5 * time.Second
	}
	for _, g := range goroutines() {
		s.goroutines[g.id] = true
	}
	for _, c := range children() {
		s.children[c.pid] = true
	}
	s.files = openFiles()
	return s
}

// Since returns a line or a stack for each thing that the process holds now and
// did not hold at s. It waits up to Options.Patience for what is on its way out.
func (s *Snapshot) Since() []string {
	deadline := time.Now().Add(s.opts.Patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		leaks := s.since()
		if len(leaks) == 0 || time.Now().After(deadline) {
			return leaks
		}
		<-time.After(pause)
	}
}

func (s *Snapshot) since() []string {
	var leaks []string
	for _, g := range goroutines() {
		if s.goroutines[g.id] || g.ours() || s.opts.IgnoreGoroutine != nil && s.opts.IgnoreGoroutine(g.stack) {
			continue
		}
		leaks = append(leaks, g.stack)
	}
	for _, c := range children() {
		if s.children[c.pid] || s.ignoresChild(c.cmdline) {
			continue
		}
		leaks = append(leaks, c.String())
	}
	for file, n := range openFiles() {
		if more := n - s.files[file]; more > 0 {
			leaks = append(leaks, fmt.Sprintf("%d more open descriptors of %s", more, file))
		}
	}
	return leaks
}

func (s *Snapshot) ignoresChild(cmdline string) bool {
	if s.opts.IgnoreChild != nil {
		return s.opts.IgnoreChild(cmdline)
	}
	return strings.HasPrefix(cmdline, "quartet-sentry")
}

// ownTemp makes a directory, points os.TempDir at it and returns it with the
// function that undoes both.
func ownTemp() (dir string, restore func(), err error) {
	dir, err = os.MkdirTemp("", "leakcheck-")
	if err != nil {
		return "", nil, fmt.Errorf("making a temporary directory for the tests: %w", err)
	}
	const key = "TMPDIR"
	old, had := os.LookupEnv(key)
	if err := os.Setenv(key, dir); err != nil {
		return "", nil, err
	}
	return dir, func() {
		if had {
			os.Setenv(key, old)
		} else {
			os.Unsetenv(key)
		}
		os.RemoveAll(dir)
	}, nil
}

// tempLeaks returns a line for each entry of the tests' temporary directory.
func tempLeaks(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{"the temporary directory: " + err.Error()}
	}
	var leaks []string
	for _, e := range entries {
		leaks = append(leaks, "temporary file "+filepath.Join(dir, e.Name()))
	}
	return leaks
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/cmd/quartet/internal/origin"
	"github.com/quartet-go/quartet/internal/leakcheck"
	"github.com/quartet-go/quartet/multiprocessing"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

// A scene that did not end as it was meant to makes the demo fail.
func TestOutcome(t *testing.T) {
	timeout := fmt.Errorf("%w: %w", multiprocessing.ErrTimeout, context.DeadlineExceeded)
	memory := fmt.Errorf("died: %w", multiprocessing.ErrMemory)
	for _, tt := range []struct {
		what string
		pids []int
		err  error
		want string // "" if the scene went wrong
	}{
		{waitsToDie, []int{11, 12}, nil, "killed with -9, done again by 12"},
		{waitsToDie, []int{11}, nil, ""},
		{waitsToDie, []int{11, 12, 13}, nil, ""},
		{waitsToDie, []int{11, 12}, errors.New("wrong"), ""},
		{loopsForEver, []int{11}, timeout, "stopped after 3s by its time limit"},
		{loopsForEver, []int{11, 12}, timeout, ""},
		{loopsForEver, []int{11}, nil, ""},
		{loopsForEver, []int{11}, memory, ""},
		{takesGigabyte, []int{11}, memory, "stopped at 256 MiB by its memory limit"},
		{takesGigabyte, []int{11}, timeout, ""},
		{takesGigabyte, nil, nil, ""},
	} {
		s := &scene{what: tt.what, file: "x.bin", notes: filepath.Join(t.TempDir(), "pids"), err: tt.err}
		var notes strings.Builder
		for _, pid := range tt.pids {
			fmt.Fprintln(&notes, pid)
		}
		if err := os.WriteFile(s.notes, []byte(notes.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.outcome()
		if tt.want != "" && (got != tt.want || err != nil) {
			t.Errorf("%s by %v with %v: %q, %v, want %q", tt.what, tt.pids, tt.err, got, err, tt.want)
		}
		if tt.want == "" && err == nil {
			t.Errorf("%s by %v with %v: %q and no error", tt.what, tt.pids, tt.err, got)
		}
	}
}

func TestNote(t *testing.T) {
	s := &scene{notes: filepath.Join(t.TempDir(), "pids")}
	if got := s.pids(); len(got) > 0 {
		t.Errorf("pids before all = %v", got)
	}
	for i := range 3 {
		first, err := note(s.notes)
		if err != nil || first != (i == 0) {
			t.Errorf("note %d: first %v, %v", i, first, err)
		}
	}
	if got := s.pids(); len(got) != 3 || got[0] != os.Getpid() {
		t.Errorf("pids = %v, want this process three times", got)
	}
}

func TestScenesAreOnFilesThatAreServedWell(t *testing.T) {
	var files []origin.File
	for i, fault := range []origin.Fault{origin.Slow, origin.None, origin.Reset, origin.None, origin.None, origin.None} {
		files = append(files, origin.File{Path: fmt.Sprintf("/files/%d.bin", i), Fault: fault})
	}
	var got []string
	for _, s := range scenesOf(files, "") {
		got = append(got, s.file)
	}
	if strings.Join(got, " ") != "1.bin 3.bin 4.bin" {
		t.Errorf("scenes on %q", got)
	}
}

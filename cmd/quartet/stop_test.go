//go:build unix

package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignals runs the command and signals it while one item is in the middle of
// its body. The server says when that is, and lets the body end if asked to.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		args    []string
		signals []os.Signal
		finish  bool // let the body end after the signal
		code    int
		stderr  string // what it ends with
		files   []string
	}{
		{
			name: "Ctrl-C lets what runs finish", signals: []os.Signal{os.Interrupt}, finish: true,
			code: 3, stderr: "1 item: 1 done, 0 failed; 8 B in ", files: []string{"a"},
		},
		{
			name: "Ctrl-C and the end of the grace", signals: []os.Signal{os.Interrupt}, args: []string{"--grace", "50ms"},
			code: 3, stderr: "1 item: 0 done, 1 failed",
		},
		{
			name: "a second Ctrl-C", signals: []os.Signal{os.Interrupt, os.Interrupt},
			code: 130, stderr: "Ctrl-C again ends it at once", files: []string{"a.part"},
		},
		{
			name: "SIGTERM", signals: []os.Signal{syscall.SIGTERM},
			code: 143, stderr: "; terminated",
		},
		{
			name: "--max-time", args: []string{"--max-time", "2s"},
			code: 124, stderr: "; --max-time is over",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBody, finish := make(chan struct{}), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				close(inBody)
				select {
				case <-finish:
					_, _ = io.WriteString(w, "half")
				case <-r.Context().Done():
				}
			}))
			defer server.Close()

			dir := filepath.Join(t.TempDir(), "out")
			args := append([]string{"fetch", "-j", "1", "-d", dir, server.URL + "/a", server.URL + "/b"}, tt.args...)
			cmd := exec.CommandContext(t.Context(), quartet(t), args...)
			pipe, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-inBody
			awaitFile(t, filepath.Join(dir, "a.part"))
			stderr := bufio.NewReader(pipe)
			var said strings.Builder
			for i, s := range tt.signals {
				_ = cmd.Process.Signal(s)
				if i < len(tt.signals)-1 || tt.finish { // until it has been told of
					line, _ := stderr.ReadString('\n')
					said.WriteString(line)
				}
			}
			if tt.finish {
				close(finish)
			}
			_, _ = io.Copy(&said, stderr)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != tt.code || !strings.Contains(said.String(), tt.stderr) {
				t.Errorf("exit code %d, want %d, with %q in\n%s", got, tt.code, tt.stderr, &said)
			}
			entries, err := os.ReadDir(dir)
			var files []string
			for _, e := range entries {
				files = append(files, e.Name())
			}
			if err != nil || strings.Join(files, " ") != strings.Join(tt.files, " ") {
				t.Errorf("files %q, %v, want %q", files, err, tt.files)
			}
		})
	}
}

// quartet returns the path of this binary as TestMain has put it into PATH.
func quartet(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("quartet")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func awaitFile(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never came", path)
		}
	}
}

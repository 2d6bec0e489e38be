package report_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
)

// A screen is the other side of a pseudo terminal, and all that was written to it.
type screen struct {
	master, terminal *os.File
	reading          sync.WaitGroup

	mu   sync.Mutex // guards following
	text strings.Builder
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{master: master, terminal: terminal}
	s.reading.Go(func() { _, _ = io.Copy(s, master) })
	return s
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// close returns all that was written.
func (s *screen) close() string {
	_ = s.terminal.Close() // its last user: the master's next read fails
	s.reading.Wait()
	_ = s.master.Close()
	return s.String()
}

func (s *screen) await(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.String(), want); {
		if time.Now().After(deadline) {
			t.Fatalf("%q never came up on the screen:\n%q", want, s.String())
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestTerminal(t *testing.T) {
	for _, tt := range []struct {
		name          string
		env           [2]string
		plain         bool
		bars, colours bool
	}{
		{name: "default", bars: true, colours: true},
		{name: "NO_COLOR", env: [2]string{"NO_COLOR", "1"}, bars: true},
		{name: "dumb", env: [2]string{"TERM", "dumb"}},
		{name: "plain", plain: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TERM", "xterm")
			t.Setenv("NO_COLOR", "")
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			s := newScreen(t)
			var stdout strings.Builder
			r := report.New(&stdout, s.terminal, &report.Options{Plain: tt.plain})
			for _, rec := range records {
				if err := r.Item(rec); err != nil {
					t.Fatal(err)
				}
			}
			if tt.bars {
				s.await(t, "3 done, 2 failed, 2.0 kB, ")
			}
			r.Close("")
			text := s.close()
			if strings.Contains(stdout.String(), "\x1b") {
				t.Errorf("escapes on stdout: %q", stdout.String())
			}
			if got := strings.Contains(text, "3 done, 2 failed, 2.0 kB, "); got != tt.bars {
				t.Errorf("bars: %v, want %v:\n%q", got, tt.bars, text)
			}
			if got := strings.Contains(text, "\x1b[31mfailed:\x1b[0m nonsense"); got != tt.colours {
				t.Errorf("colours: %v, want %v:\n%q", got, tt.colours, text)
			}
			for _, line := range []string{"failed:", "quartet: 5 items: 3 done, "} {
				if !strings.Contains(text, line) {
					t.Errorf("the screen lacks %q:\n%q", line, text)
				}
			}
		})
	}
}

// Data on the same terminal as the bars stays above them, whole.
func TestDataBesideBars(t *testing.T) {
	t.Setenv("TERM", "xterm")
	s := newScreen(t)
	r := report.New(s.terminal, s.terminal, nil)
	if err := r.Item(records[0]); err != nil {
		t.Fatal(err)
	}
	s.await(t, "1 done, 0 failed")
	if err := r.Item(records[1]); err != nil {
		t.Fatal(err)
	}
	r.Close("")
	text := s.close()
	for _, line := range []string{"00ff  out/a&b\r\n", "out/plain\r\n", "2 items: 2 done"} {
		if strings.Count(text, line) != 1 {
			t.Errorf("%q is not on the screen once:\n%q", line, text)
		}
	}
}

func TestLongTransferHasABar(t *testing.T) {
	t.Setenv("TERM", "xterm")
	s := newScreen(t)
	r := report.New(io.Discard, s.terminal, nil)
	short, long := r.Transfer("short.bin"), r.Transfer("long.bin\n")
	short.Progress(1, 2)
	short.End()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.String(), "long.bin?"); {
		if time.Now().After(deadline) {
			t.Fatalf("no bar for a transfer that lasts:\n%q", s.String())
		}
		long.Progress(500, 1000)
		<-time.After(20 * time.Millisecond)
	}
	long.End()
	r.Close("")
	if text := s.close(); strings.Contains(text, "short.bin") {
		t.Errorf("a bar for a transfer that was over at once:\n%q", text)
	}
}

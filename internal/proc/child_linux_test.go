package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sh starts a shell that runs a script.
func sh(t *testing.T, script string, spec Spec) *Child {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	spec.Path, spec.Args = path, []string{"sh", "-c", script}
	c, err := Start(spec)
	if err != nil {
		t.Fatalf("Start() = %v", err)
	}
	t.Cleanup(func() { c.KillTree(); <-c.Done() })
	return c
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		script string
		want   State
		text   string
	}{
		{"exit 0", State{}, "exit code 0"},
		{"exit 3", State{Code: 3}, "exit code 3"},
		{"kill -9 $$", State{Code: -1, Signal: syscall.SIGKILL}, "signal killed"},
		{"kill -15 $$", State{Code: -1, Signal: syscall.SIGTERM}, "signal terminated"},
	} {
		c := sh(t, tt.script, Spec{})
		<-c.Done()
		got := c.State()
		if got.Code != tt.want.Code || got.Signal != tt.want.Signal || got.String() != tt.text {
			t.Errorf("%s: State() = %+v, %v, want %+v", tt.script, got, got, tt.want)
		}
		if got.MaxRSS <= 0 {
			t.Errorf("%s: MaxRSS = %d", tt.script, got.MaxRSS)
		}
	}
}

func TestSignalsAfterTheEnd(t *testing.T) {
	t.Parallel()
	c := sh(t, "exit 0", Spec{})
	<-c.Done()
	if err := c.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Signal() = %v, want ErrProcessDone", err)
	}
	if err := c.SignalTree(syscall.SIGTERM); err != nil {
		t.Errorf("SignalTree() = %v", err)
	}
	c.KillTree()
}

func TestStartOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	if _, err := Start(Spec{Path: "/does/not/exist"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start() = %v, want ErrNotExist", err)
	}
}

// Descendants that left the group and lost their parent are found by the tag, and
// after the child's end as well; those of another tree are not.
func TestTreesAreTold(t *testing.T) {
	t.Parallel()
	const script = "setsid sh -c 'exec sleep 1000' & echo started; exec sleep 1000"
	type held struct {
		*Child
		out *os.File // its end is the end of all
	}
	begin := func(tag string) held {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		t.Cleanup(func() { r.Close() })
		c := sh(t, script, Spec{Tree: tag, Stdout: w})
		var line [8]byte
		if _, err := r.Read(line[:]); err != nil {
			t.Fatal(err)
		}
		return held{c, r}
	}
	over := func(h held) bool {
		_ = h.out.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := h.out.Read(make([]byte, 1))
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
	one, inner, other := begin("test.1."), begin("test.1.7."), begin("test.11.")
	one.KillTree()
	for name, h := range map[string]held{"tree": one, "tree inside": inner} {
		if !over(h) {
			t.Errorf("the %s lives", name)
		}
	}
	select {
	case <-other.Done():
		t.Error("another tree was killed")
	default:
	}
	if err := other.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-other.Done()
	if got := countTagged("test.11."); got != 1 {
		t.Errorf("%d members after the child's own end, want 1", got)
	}
	other.KillTree()
	if !over(other) {
		t.Error("KillTree after the child's end did not reach what it left")
	}
}

// Searches that are asked for together are answered each for itself.
func TestSweepsAreShared(t *testing.T) {
	t.Parallel()
	children := make([]*Child, 12)
	for i := range children {
		children[i] = sh(t, "exec sleep 1000", Spec{Tree: fmt.Sprintf("test.shared.%d.", i)})
	}
	var wg sync.WaitGroup
	for i, c := range children[1:] {
		wg.Go(func() {
			tag := fmt.Sprintf("test.shared.%d.", i+1)
			if got := (tagged{tag: tag}).signal(syscall.SIGKILL); got != 1 {
				t.Errorf("%s: reached %d, want 1", tag, got)
			}
			<-c.Done()
		})
	}
	wg.Wait()
	select {
	case <-children[0].Done():
		t.Error("a tree that nobody looked for was killed")
	default:
	}
}

func countTagged(tag string) (n int) {
	var buf bytes.Buffer
	for pid := range processes {
		if (tagged{tag: tag}).has(pid, treeOf(pid, &buf)) {
			n++
		}
	}
	return n
}

func TestChildrenDoNotShareDescriptors(t *testing.T) {
	t.Parallel()
	var first string
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c := sh(t, "ls /proc/self/fd", Spec{Stdout: w})
		w.Close()
		var out bytes.Buffer
		_, _ = out.ReadFrom(r)
		r.Close()
		<-c.Done()
		// Those that this process itself inherited without close-on-exec are in all.
		if got := strings.Join(strings.Fields(out.String()), " "); first == "" {
			first = got
		} else if got != first {
			t.Errorf("descriptors %s, want %s as in the first child", got, first)
		}
	}
}

func TestOutputEndsWithTheChild(t *testing.T) {
	t.Parallel()
	out, err := NewOutput()
	if err != nil {
		t.Fatal(err)
	}
	tail := NewTail(64)
	c := sh(t, "sleep 1000 & seq 1 1000", Spec{Stdout: out.File(), Tree: "test.output."})
	out.Copy(tail, c.Done())
	<-out.Done() // although sleep holds the pipe
	if got := tail.String(); !strings.HasSuffix(got, "\n999\n1000\n") || len(got) > 64 || got[0] != '9' {
		t.Errorf("tail %q", got)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		writes []string
		want   string
	}{
		{[]string{"a\nb\n"}, "a\nb\n"},
		{[]string{"lost\n", "0123456789\n", "kept\n"}, "kept\n"},
		{[]string{"fatal err", "or: no memory", "\nstack\n", strings.Repeat("x", 2000) + "\n", "regs\n"}, "fatal error: no memory\nstack\n" + strings.Repeat("x", 995) + "\n...\nregs\n"},
		{[]string{"panic: x\ny\n"}, "panic: x\ny\n"},
		{[]string{"no panic: x\n", "0123456789\n", "kept\n"}, "kept\n"},
	} {
		tail := NewTail(16)
		for _, w := range tt.writes {
			if n, err := tail.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("Write(%q) = %d, %v", w, n, err)
			}
		}
		if got := tail.String(); got != tt.want {
			t.Errorf("%q: String() = %q, want %q", tt.writes, got, tt.want)
		}
	}
}

func TestSentry(t *testing.T) {
	t.Parallel()
	s, err := NewSentry(func() (*Child, *os.File, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil, err
		}
		defer r.Close()
		c, err := Start(Spec{
			Path: "/proc/self/exe", Args: []string{"quartet-sentry"}, Detached: true, Tree: "test.sentry.",
			Env: append(os.Environ(), programVar+"=sentry"), Stderr: os.Stderr, Files: []*os.File{r},
		})
		if err != nil {
			w.Close()
			return nil, nil, err
		}
		return c, w, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	grouped := sh(t, "exec sleep 1000", Spec{Sentry: s})
	inside := sh(t, "exec sleep 1000", Spec{Tree: "test.sentry.1."})
	itself := sh(t, "exec sleep 1000", Spec{Tree: "test.sentry."})
	ended := sh(t, "exit 0", Spec{Sentry: s})
	<-ended.Done()
	s.Close()
	<-grouped.Done()
	<-inside.Done()
	select {
	case <-itself.Done():
		t.Error("the sentry killed what is not inside its tree")
	default:
	}
	s.Close()
}

// A wait for any child, as some libraries do it, takes the exit state away; nobody
// hangs.
func TestStateThatWasTaken(t *testing.T) {
	t.Parallel()
	c := &Child{pid: os.Getpid(), pidfd: -1, done: make(chan struct{})} // no child of ours
	c.wait()
	if got := c.State(); got.Code != 255 || got.Signal != 0 {
		t.Errorf("State() = %+v, want code 255", got)
	}
}

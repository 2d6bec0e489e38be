// Package peer runs the sides of a comparison that are other programs.
package peer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/peers"
)

// Interpreter is the Python that setup.sh prepared, or QUARTET_BENCH_PYTHON.
func Interpreter() (string, error) {
	python := os.Getenv("QUARTET_BENCH_PYTHON")
	if python == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", measure.Skip("no cache directory: %v", err)
		}
		python = filepath.Join(cache, "quartet-bench", "venv", "bin", "python")
	}
	if _, err := exec.LookPath(python); err != nil {
		return "", measure.Skip("no virtual environment: run bench/setup.sh")
	}
	return python, nil
}

// Python opens the case name of the peer script, as one process that lives for
// all rounds.
func Python(script, name string, args ...string) func(ctx context.Context, n int) (measure.Runner, error) {
	return func(ctx context.Context, n int) (measure.Runner, error) {
		python, err := Interpreter()
		if err != nil {
			return nil, err
		}
		dir, err := os.MkdirTemp("", "quartet-bench-peer-")
		if err != nil {
			return nil, err
		}
		if err := os.CopyFS(dir, peers.Scripts); err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
		argv := append([]string{"-B", filepath.Join(dir, script), name, strconv.Itoa(n)}, args...)
		p, err := start(exec.Command(python, argv...), dir)
		if err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
		var ready struct {
			Ready bool
			Skip  string
		}
		if err := p.ask(ctx, "", &ready); err != nil {
			p.Close()
			return nil, err
		}
		if !ready.Ready {
			p.Close()
			return nil, measure.Skip("%s", ready.Skip)
		}
		return p, nil
	}
}

// process is a peer that answers a line for a line.
type process struct {
	cmd     *exec.Cmd
	dir     string
	stdin   io.WriteCloser
	answers chan []byte // closed at the end of its output
	errors  tail
	close   sync.Once
	exited  chan struct{}
}

func start(cmd *exec.Cmd, dir string) (*process, error) {
	p := &process{cmd: cmd, dir: dir, answers: make(chan []byte), exited: make(chan struct{})}
	cmd.Stderr = &p.errors
	cmd.WaitDelay = time.Second
	// A group of its own, so that its children can be ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			p.answers <- bytes.Clone(lines.Bytes())
		}
		close(p.answers)
		cmd.Wait()
	}()
	return p, nil
}

// ask sends question, if there is one, and decodes the answer into v.
func (p *process) ask(ctx context.Context, question string, v any) error {
	if question != "" {
		if _, err := io.WriteString(p.stdin, question+"\n"); err != nil && !errors.Is(err, syscall.EPIPE) {
			return err
		}
	}
	select {
	case line, ok := <-p.answers:
		if !ok {
			<-p.exited
			return fmt.Errorf("peer ended (%v): %s", p.cmd.ProcessState, p.errors.last())
		}
		if err := json.Unmarshal(line, v); err != nil {
			return fmt.Errorf("answer of the peer: %w: %q", err, line)
		}
		return nil
	case <-ctx.Done():
		p.kill()
		return context.Cause(ctx)
	}
}

// Round has the peer do the work once.
func (p *process) Round(ctx context.Context) (measure.Result, error) {
	var a struct {
		Seconds float64
		Count   int
		Digest  string
	}
	if err := p.ask(ctx, "round", &a); err != nil {
		return measure.Result{}, err
	}
	return measure.Result{Amount: a.Seconds, Work: measure.Work{Count: a.Count, Digest: a.Digest}}, nil
}

// grace is how long a peer may take to clean up.
const grace = 5 * time.Second

// Close ends the peer and its children.
func (p *process) Close() error {
	p.close.Do(func() {
		p.stdin.Close()
		timer := time.AfterFunc(grace, p.kill)
		defer timer.Stop()
		for range p.answers { // whatever it still has to say
		}
		<-p.exited
		p.kill() // children that it left
		os.RemoveAll(p.dir)
	})
	return nil
}

func (p *process) kill() { syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4096

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - tailBytes; extra > 0 {
		t.text = t.text[extra:]
	}
	return len(b), nil
}

// last returns the last line that says something.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	return lines[len(lines)-1]
}

package multiprocessing

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/quartet-go/quartet/internal/proc"
)

// ErrWarmClosed is the error of starting a process from a [Warm] that was closed.
var ErrWarmClosed = errors.New("multiprocessing: stock of warm processes closed")

// WarmOptions configures a [Warm]. A nil pointer or a zero field means the default.
type WarmOptions struct {
	// Command is another program that calls [Main], with its arguments. Default: this
	// one.
	Command []string
}

// A Warm is a stock of processes that have been started and wait in [Main] to be
// told what they are. Starting from it costs a message; it is refilled behind that,
// and a start from an empty stock spawns. It is for programs that start slowly or
// often. Its methods may be called from many goroutines.
//
// Python: the start method "forkserver". Differs: each process is used once and
// shares no memory with another.
type Warm struct {
	size    int
	command []string
	forget  func()
	refills sync.WaitGroup

	mu     sync.Mutex // guards following
	idle   []*child
	coming int // children that are being started
	closed bool
}

var _ StartMethod = (*Warm)(nil)

// NewWarm returns a stock of size processes, which it begins to start. The error is
// [ErrMainNotCalled] or the system's.
func NewWarm(size int, opts *WarmOptions) (*Warm, error) {
	w := &Warm{size: size}
	if opts != nil {
		w.command = slices.Clone(opts.Command)
	}
	if err := here.mayStart(w.command); err != nil {
		return nil, err
	}
	w.forget = here.atEnd(func() { _ = w.Close() })
	for range size {
		w.coming++
		if err := w.add(); err != nil {
			_ = w.Close()
			return nil, err
		}
	}
	return w, nil
}

// Idle returns how many processes wait.
func (w *Warm) Idle() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.idle)
}

// Close ends the processes that wait. Those that were taken go on.
func (w *Warm) Close() error {
	w.mu.Lock()
	idle := w.idle
	w.idle, w.closed = nil, true
	w.mu.Unlock()
	w.forget()
	for _, c := range idle {
		c.discard()
	}
	w.refills.Wait()
	return nil
}

// add starts one of the children that are coming.
func (w *Warm) add() error {
	c, err := startChild(roleWarm, childOptions{Command: w.command, Boot: boot{Name: "Warm"}})
	w.mu.Lock()
	w.coming--
	closed := w.closed
	if err == nil && !closed {
		w.idle = append(w.idle, c)
	}
	w.mu.Unlock()
	if err == nil && closed {
		c.discard()
	}
	return err
}

// take returns the child that waits longest, nil if none does, and refills.
func (w *Warm) take() (*child, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrWarmClosed
	}
	var c *child
	for c == nil && len(w.idle) > 0 {
		c = w.idle[0]
		w.idle = slices.Delete(w.idle, 0, 1)
		if isClosed(c.Done()) { // somebody killed it
			c.conn.Close()
			c = nil
		}
	}
	for w.coming+len(w.idle) < w.size {
		w.coming++
		w.refills.Go(func() { _ = w.add() }) // what it says, a start that spawns says again
	}
	return c, nil
}

func (w *Warm) start(r role, o childOptions) (*child, error) {
	if err := here.mayStart(w.command); err != nil {
		return nil, err
	}
	c, err := w.take()
	if err != nil {
		return nil, err
	}
	if c != nil {
		if err := c.become(r, o); err == nil {
			return c, nil
		}
		c.discard()
	}
	o.Command = w.command
	return Spawn.start(r, o)
}

// An assignment is what a warm child is told when it is taken. Its standard streams
// travel beside it.
type assignment struct {
	Role role     `json:"role"`
	Boot boot     `json:"boot"`
	Dir  string   `json:"dir,omitempty"`
	Env  []string `json:"env,omitempty"`
}

// become makes a warm child one with that role and those options.
func (c *child) become(r role, o childOptions) error {
	files, err := c.redirect(o)
	if err != nil {
		return err
	}
	if files[0] == nil {
		if files[0], err = os.Open(os.DevNull); err != nil {
			return err
		}
		defer files[0].Close()
	}
	data, err := json.Marshal(assignment{Role: r, Boot: o.Boot, Dir: o.Dir, Env: o.Env})
	if err != nil {
		return err
	}
	if err := proc.SendFiles(c.conn, files[:]); err != nil {
		return err
	}
	if err := writeFrame(c.conn, c.mark.nonce, data); err != nil {
		return err
	}
	c.copyOutputs()
	return c.limitMemory(o)
}

// waitWarm waits until the parent says what this child is. The role is empty if the
// parent has no need of it.
func waitWarm(conn *net.UnixConn, nonce string) (role, boot, error) {
	files, err := proc.ReceiveFiles(conn, 3)
	if errors.Is(err, io.EOF) {
		return "", boot{}, nil
	}
	if err != nil {
		return "", boot{}, err
	}
	for i, f := range files {
		err := proc.Redirect(f, i)
		f.Close()
		if err != nil {
			return "", boot{}, err
		}
	}
	data, err := readFrame(conn, nonce)
	if err != nil {
		return "", boot{}, err
	}
	var a assignment
	if err := json.Unmarshal(data, &a); err != nil {
		return "", boot{}, err
	}
	if a.Dir != "" {
		if err := os.Chdir(a.Dir); err != nil {
			return "", boot{}, err
		}
	}
	for _, kv := range a.Env {
		key, value, _ := strings.Cut(kv, "=")
		if err := os.Setenv(key, value); err != nil {
			return "", boot{}, err
		}
	}
	return a.Role, a.Boot, nil
}

package multiprocessing

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/codec"
)

// Errors of a [Process] that is not in the state that a call needs.
var (
	ErrAlreadyStarted    = errors.New("multiprocessing: a process starts only once")
	ErrNotStarted        = errors.New("multiprocessing: process not started")
	ErrStillRunning      = errors.New("multiprocessing: process still running")
	ErrProcessClosed     = errors.New("multiprocessing: process closed")
	ErrDaemonAfterStart  = errors.New("multiprocessing: daemon is set before the start")
	ErrDaemonHasChildren = errors.New("multiprocessing: a daemon may not have children")
)

// ProcessOptions configures a [Process]. A nil pointer or a zero field means the default.
type ProcessOptions struct {
	// Name is for people to read and has no effect; it may repeat. Default:
	// Process-1, Process-2 and so on in the order of creation; Process-1:1 for the
	// first that Process-1 creates.
	Name string
	// Daemon says that the process ends with its creator, which terminates it
	// instead of waiting for it. Default: what the creator is.
	Daemon *bool

	// Env is added to this process's environment, as KEY=value. Default: nothing.
	Env []string
	// Dir is the working directory. Default: this process's own.
	Dir string
	// Stdin is the process's input. Default: the null device.
	Stdin *os.File
	// Stdout and Stderr get what the process writes, each from one goroutine, for
	// which Join waits; an [*os.File] is inherited. Default: this process's own.
	Stdout, Stderr io.Writer
	// Logger gets each line that the process writes to stdout at level Info, and to
	// stderr at level Warn, with the attributes process, pid and stream, but for a
	// stream that is set above. Default: none.
	Logger *slog.Logger
	// Memory is how many bytes the process and its descendants may use. A process
	// that allocates more ends as Go programs do without memory, with code 2; one
	// whose resident memory, with that of the descendants that are linked to it, is
	// above the limit at a look every 50 ms is killed. See [Process.OutOfMemory].
	// Default: no limit.
	Memory int64
	// Cgroup is a directory of control groups that this program may use, in which the
	// kernel keeps the limit as well: of version 2 with the memory controller enabled
	// below it, or of version 1's memory hierarchy. Default: none.
	Cgroup string
	// Start is where the process comes from: [Spawn], or a [Warm], in whose processes
	// an Env that the Go runtime reads at its start has no effect. Default: Spawn.
	Start StartMethod
	// Command is another program that calls [Main], with its arguments, to be
	// started in place of this one. Not for a Warm, which has its own. Default: this
	// one.
	Command []string
	// Boot is how long the process may take to reach [Main] before it is killed.
	// Default: 30s. Negative: as long as it likes.
	Boot time.Duration
}

// A Process runs a registered function in a child process of its own. Its methods
// may be called from many goroutines.
//
// Python: multiprocessing.Process. Differs: a function, not a subclass; group does
// not exist; Terminate and Kill end the whole tree.
type Process struct {
	target errand
	run    func(context.Context) error
	opts   ProcessOptions
	parent int
	done   chan struct{} // closed when it has ended and what it wrote is copied

	mu     sync.Mutex // guards following
	name   string
	daemon bool
	boot   boot
	child  *child // nil before the start and after Close
	code   int    // valid after done, as is oom
	oom    bool
	closed bool
}

// An errand is what the target of a Process is to the child.
type errand struct {
	Func   string   `json:"func"`
	Digest string   `json:"digest"`
	Codec  codec.ID `json:"codec"`
	Size   int64    `json:"size"` // of the argument, which follows
	arg    func() (codec.ID, []byte, error)
}

// NewProcess returns a process that will call target with args, which are encoded
// by [Process.Start]. It starts nothing.
//
// What target returns beside its error is lost. The exit code is 0 if target
// returns no error, n for an error that is [ExitError](n), 1 for another error and
// for a panic, which are printed on its stderr, and -N if signal N ends it.
func NewProcess[In, Out any](target Func[In, Out], args In, opts *ProcessOptions) *Process {
	if target.fn == nil {
		panic("multiprocessing: NewProcess: the target is not a registered function")
	}
	p := &Process{
		target: errand{
			Func: target.fn.name, Digest: target.fn.digest,
			arg: func() (codec.ID, []byte, error) { return codec.Append(nil, args) },
		},
		run: func(ctx context.Context) error {
			_, err := target.f(ctx, args)
			return err
		},
		parent: os.Getpid(),
		done:   make(chan struct{}),
	}
	if opts != nil {
		p.opts = *opts
		p.opts.Env, p.opts.Command = slices.Clone(opts.Env), slices.Clone(opts.Command)
	}
	if _, warm := p.opts.Start.(*Warm); warm && p.opts.Command != nil {
		panic("multiprocessing: NewProcess: a Command and a Warm, which has its own")
	}
	if p.opts.Boot == 0 {
		p.opts.Boot = 30 * time.Second
	}
	p.boot.Identity = here.identify()
	p.name = p.opts.Name
	if p.name == "" {
		p.name = processName(p.boot.Identity)
	}
	p.daemon = here.self().Daemon
	if p.opts.Daemon != nil {
		p.daemon = *p.opts.Daemon
	}
	return p
}

func processName(identity []int) string {
	parts := make([]string, len(identity))
	for i, n := range identity {
		parts[i] = strconv.Itoa(n)
	}
	return "Process-" + strings.Join(parts, ":")
}

// Run calls the target in this process and returns its error.
//
// Python: Process.run.
func (p *Process) Run(ctx context.Context) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return ErrProcessClosed
	}
	return p.run(ctx)
}

// Start starts the process and returns when the system runs it, not waiting for
// the target to begin.
//
// The error is [ErrMainNotCalled] outside [Main], [ErrAlreadyStarted],
// [ErrProcessClosed], [ErrDaemonHasChildren] in a daemon, [ErrEncoding] for
// arguments that cannot travel, or the system's. After one of the last two the
// process may be started again.
//
// Python: Process.start.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrProcessClosed
	case p.child != nil:
		return ErrAlreadyStarted
	}
	if _, warm := p.opts.Start.(*Warm); !warm {
		if err := here.mayStart(p.opts.Command); err != nil {
			return err
		}
	}
	if here.self().Daemon {
		return ErrDaemonHasChildren
	}
	j := p.target
	id, arg, err := j.arg()
	if err != nil {
		return &encodingError{"argument", err}
	}
	j.Codec, j.Size = id, int64(len(arg))

	p.boot.Name, p.boot.Daemon = p.name, p.daemon
	stdout, stderr := p.streams()
	tail := 0
	if p.opts.Memory > 0 {
		tail = oomTail
	}
	c, err := startChild(roleProcess, childOptions{
		Memory: p.opts.Memory, Cgroup: p.opts.Cgroup, Tail: tail,
		Boot: p.boot, Start: p.opts.Start, Command: p.opts.Command, Env: p.opts.Env, Dir: p.opts.Dir,
		Stdin: p.opts.Stdin, Stdout: stdout, Stderr: stderr,
	})
	if err != nil {
		return err
	}
	p.child = c
	here.adopt(p)
	go p.tend(c, j, arg, p.name)
	return nil
}

// streams returns where the process's output goes, nil for this process's own.
func (p *Process) streams() (stdout, stderr io.Writer) {
	stdout, stderr = p.opts.Stdout, p.opts.Stderr
	if p.opts.Logger == nil {
		return stdout, stderr
	}
	lines := func(level slog.Level, stream string) io.Writer {
		return &lineLog{log: p.opts.Logger, level: level, attrs: func() []slog.Attr {
			return []slog.Attr{slog.String("process", p.Name()), slog.Int("pid", p.Pid()), slog.String("stream", stream)}
		}}
	}
	if stdout == nil {
		stdout = lines(slog.LevelInfo, "stdout")
	}
	if stderr == nil {
		stderr = lines(slog.LevelWarn, "stderr")
	}
	return stdout, stderr
}

// tend sends the child its errand and waits for its end.
func (p *Process) tend(c *child, j errand, arg []byte, name string) {
	go func() { // also when a descendant holds the other end
		<-c.Done()
		c.conn.Close()
	}()
	if p.opts.Boot > 0 {
		_ = c.conn.SetDeadline(time.Now().Add(p.opts.Boot))
	}
	var hello [1]byte
	if _, err := io.ReadFull(c.conn, hello[:]); errors.Is(err, os.ErrDeadlineExceeded) {
		slog.Error("multiprocessing: process killed: it did not reach Main; is multiprocessing.Main all that func main does?",
			"process", name, "pid", c.Pid(), "after", p.opts.Boot)
		c.KillTree()
	}
	_ = c.conn.SetDeadline(time.Time{})
	// An error here is the child's end, which its exit state tells better.
	_ = j.write(c.conn, arg)
	<-c.Done()
	c.drained()

	p.mu.Lock()
	p.code, p.oom = exitCode(c), c.outOfMemory()
	p.mu.Unlock()
	here.drop(p)
	close(p.done)
}

func exitCode(c *child) int {
	if st := c.State(); st.Signal != 0 {
		return -int(st.Signal)
	}
	return c.State().Code
}

func (j errand) write(w io.Writer, arg []byte) error {
	head, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(head))), head...)); err != nil {
		return err
	}
	_, err = w.Write(arg)
	return err
}

// Join waits until the process has ended. It returns nil then, whatever the exit
// code, and if ctx ends before, the cause of ctx; the process goes on. The error
// is [ErrNotStarted] before the start and [ErrProcessClosed] after Close.
//
// Python: Process.join. Differs: a limit that is passed is an error.
func (p *Process) Join(ctx context.Context) error {
	if _, err := p.started(); err != nil {
		return err
	}
	return waitFor(ctx, p.done)
}

// started returns the child, or why there is none.
func (p *Process) started() (*child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, ErrProcessClosed
	case p.child == nil:
		return nil, ErrNotStarted
	}
	return p.child, nil
}

func (p *Process) ended() bool { return isClosed(p.done) }

// Sentinel returns a channel that is closed when the process has ended. It may be
// asked for in any state; see also [Wait].
//
// Python: Process.sentinel.
func (p *Process) Sentinel() <-chan struct{} { return p.done }

// IsAlive reports whether the process was started and has not ended.
func (p *Process) IsAlive() bool {
	_, err := p.started()
	return err == nil && !p.ended()
}

// Pid returns the process id, or 0 before the start and after Close.
func (p *Process) Pid() int {
	c, err := p.started()
	if err != nil {
		return 0
	}
	return c.Pid()
}

// ExitCode returns how the process ended: its exit code, or -N if signal N ended
// it. The error is [ErrNotStarted], [ErrStillRunning] or [ErrProcessClosed].
//
// Python: Process.exitcode, which is None where this is an error.
func (p *Process) ExitCode() (int, error) {
	if _, err := p.started(); err != nil {
		return 0, err
	}
	if !p.ended() {
		return 0, ErrStillRunning
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code, nil
}

// OutOfMemory reports whether the process ended because of [ProcessOptions].Memory.
func (p *Process) OutOfMemory() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oom
}

// Name returns the name.
func (p *Process) Name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.name
}

// SetName changes the name. A process that was started keeps the one it has for
// itself. The error is [ErrProcessClosed].
func (p *Process) SetName(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrProcessClosed
	}
	p.name = name
	return nil
}

// Daemon reports whether the process ends with its creator.
func (p *Process) Daemon() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.daemon
}

// SetDaemon says whether the process ends with its creator. The error is
// [ErrDaemonAfterStart] or [ErrProcessClosed].
func (p *Process) SetDaemon(daemon bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrProcessClosed
	case p.child != nil:
		return ErrDaemonAfterStart
	}
	p.daemon = daemon
	return nil
}

// String describes the process as Python does:
// <Process name='Process-1' pid=8764 parent=11336 stopped exitcode=-SIGTERM daemon>.
func (p *Process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "<Process name=%s", quote(p.name))
	if p.child != nil {
		fmt.Fprintf(&b, " pid=%d", p.child.Pid())
	}
	fmt.Fprintf(&b, " parent=%d", p.parent)
	switch {
	case p.closed:
		b.WriteString(" closed")
	case p.child == nil:
		b.WriteString(" initial")
	case !p.ended():
		b.WriteString(" started")
	default:
		fmt.Fprintf(&b, " stopped exitcode=%s", codeName(p.code))
	}
	if p.daemon {
		b.WriteString(" daemon")
	}
	b.WriteByte('>')
	return b.String()
}

// quote returns s as Python writes it: in single quotes unless only those are in it.
func quote(s string) string {
	q := strconv.Quote(s)
	q = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return `"` + q + `"`
	}
	return "'" + strings.ReplaceAll(q, "'", `\'`) + "'"
}

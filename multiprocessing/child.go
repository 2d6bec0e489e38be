package multiprocessing

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quartet-go/quartet/internal/proc"
)

// childOptions configures startChild.
type childOptions struct {
	// Boot is what the child learns of itself; its parent is filled in.
	Boot boot
	// Start is where the child comes from. Default: Spawn.
	Start StartMethod
	// Command is a program that calls Main, with its arguments. Default: this one.
	Command []string
	// Env is added to this process's environment, as KEY=value.
	Env []string
	// Dir is the working directory. Default: this process's own.
	Dir string
	// Stdin is the child's input. Default: the null device.
	Stdin *os.File
	// Stdout and Stderr get what the child writes. Default: this process's own
	// descriptors are the child's. An *os.File is inherited, too.
	Stdout, Stderr io.Writer
	// Memory is how many bytes the child and its descendants may use. Default: no
	// limit.
	Memory int64
	// Cgroup is a directory of control groups for the program to use, in which the
	// kernel keeps the limit. Default: none, and the limit is kept by looks.
	Cgroup string
	// Tail is how many bytes of the end of stderr to keep. Default: none.
	Tail int
}

// A child is a process that was started with a connection to it.
type child struct {
	*proc.Child
	conn *net.UnixConn
	mark mark
	tail *proc.Tail // nil unless asked for

	outputs []*proc.Output
	writers []io.Writer // what each of the outputs is copied to
	memory  *memoryWatch
}

// startChild starts a child of this process in a role and returns when its program
// runs, not waiting for its [Main]. What the caller writes to conn is what the
// role's serve function reads. The caller owns conn.
func startChild(r role, o childOptions) (*child, error) {
	if o.Start == nil {
		o.Start = Spawn
	}
	o.Boot.Memory = o.Memory
	o.Boot.ParentName, o.Boot.ParentPid = here.name(), os.Getpid()
	return o.Start.start(r, o)
}

// A StartMethod is where child processes come from: [Spawn] or a [Warm].
//
// Python: the start methods of multiprocessing.set_start_method, for one process or
// pool at a time.
type StartMethod interface {
	start(r role, o childOptions) (*child, error)
}

// Spawn executes the program anew for each child, which is what happens by default.
//
// Python: the start method "spawn".
var Spawn StartMethod = spawn{}

type spawn struct{}

func (spawn) start(r role, o childOptions) (*child, error) {
	if err := here.mayStart(o.Command); err != nil {
		return nil, err
	}
	path, argv, err := program(o.Command)
	if err != nil {
		return nil, err
	}
	conn, theirs, err := proc.Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	c := &child{conn: conn, mark: mark{role: r, nonce: newNonce()}}
	sentry, tree, err := here.plant(o.Command, o.Env)
	if err == nil {
		err = writeBoot(conn, c.mark.nonce, o.Boot)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	files, err := c.redirect(o)
	if err != nil {
		c.abandon()
		return nil, err
	}
	c.Child, err = proc.Start(proc.Spec{
		Path: path, Args: argv, Dir: o.Dir,
		Env:   childEnv(o.Env, c.mark),
		Stdin: files[0], Stdout: files[1], Stderr: files[2],
		Files: []*os.File{theirs},
		Tree:  tree, Sentry: sentry,
	})
	if err != nil {
		c.abandon()
		return nil, err
	}
	c.copyOutputs()
	if err := c.limitMemory(o); err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

// discard ends a child that will not be used.
func (c *child) discard() {
	c.KillTree()
	<-c.Done()
	c.settleMemory()
	c.abandon()
}

// abandon closes what belongs to a child that will not be used.
func (c *child) abandon() {
	c.conn.Close()
	for _, out := range c.outputs {
		out.Discard()
	}
}

// copyOutputs begins to copy what the child writes. It is running.
func (c *child) copyOutputs() {
	for i, out := range c.outputs {
		out.Copy(c.writers[i], c.Done())
	}
}

// redirect returns the child's standard streams, nil for the null device. Those that
// are not files of this process are pipes, which it adds to the outputs.
func (c *child) redirect(o childOptions) (files [3]*os.File, err error) {
	files[0] = o.Stdin
	for i, to := range []io.Writer{o.Stdout, o.Stderr} {
		own := []*os.File{os.Stdout, os.Stderr}[i]
		if to == nil {
			to = own
		}
		if i == 1 && o.Tail > 0 {
			c.tail = proc.NewTail(o.Tail)
			to = tailed{to, c.tail}
		}
		if f, ok := to.(*os.File); ok {
			files[i+1] = f
			continue
		}
		out, err := proc.NewOutput()
		if err != nil {
			return files, err
		}
		c.outputs, c.writers = append(c.outputs, out), append(c.writers, to)
		files[i+1] = out.File()
	}
	return files, nil
}

// tailed is a writer whose last bytes are kept.
type tailed struct {
	io.Writer
	tail *proc.Tail
}

func (t tailed) Write(p []byte) (int, error) {
	_, _ = t.tail.Write(p)
	return t.Writer.Write(p)
}

func (t tailed) Flush() {
	if f, ok := t.Writer.(interface{ Flush() }); ok {
		f.Flush()
	}
}

// drained waits until what the child wrote has been copied, which is soon after its end.
func (c *child) drained() {
	for _, out := range c.outputs {
		<-out.Done()
	}
	c.settleMemory()
}

// program returns what to execute and the arguments to do it with. /proc/self/exe
// is this binary also after its file was replaced or deleted, as go run does.
func program(command []string) (path string, argv []string, err error) {
	if len(command) > 0 {
		if path, err = exec.LookPath(command[0]); err == nil {
			path, err = filepath.Abs(path) // of here, not of the child's directory
		}
		return path, command, err
	}
	const self = "/proc/self/exe"
	if _, err := os.Lstat(self); err == nil {
		return self, os.Args[:1], nil
	}
	path, err = os.Executable()
	return path, os.Args[:1], err
}

// childEnv returns this process's environment with what is added to it or replaced
// in it, and the mark.
func childEnv(added []string, m mark) []string {
	env := make([]string, 0, len(added)+1)
	taken := map[string]bool{markVar: true, proc.TreeVar: true}
	for _, kv := range slices.Backward(slices.Concat(os.Environ(), raceEnv(), added)) {
		key, _, _ := strings.Cut(kv, "=")
		if !taken[key] {
			taken[key] = true
			env = append(env, kv)
		}
	}
	slices.Reverse(env)
	return append(env, m.String())
}

package multiprocessing

import (
	"cmp"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/quartet-go/quartet/internal/proc"
)

// childOptions configures startChild.
type childOptions struct {
	// Boot is what the child learns of itself; its parent is filled in.
	Boot boot
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
	// Tail is how many bytes of the end of stderr to keep. Default: none.
	Tail int
}

// A child is a process that was started with a connection to it.
type child struct {
	*proc.Child
	conn    *net.UnixConn
	tail    *proc.Tail // nil unless asked for
	outputs []*proc.Output
}

// startChild starts a child of this process in a role and returns when its program
// runs, not waiting for its [Main]. What the caller writes to conn is what the
// role's serve function reads. The caller owns conn.
func startChild(r role, o childOptions) (*child, error) {
	if err := here.mayStart(o.Command); err != nil {
		return nil, err
	}
	path, argv, err := program(o.Command)
	if err != nil {
		return nil, err
	}
	sentry, tree, err := here.plant(o.Command)
	if err != nil {
		return nil, err
	}
	conn, theirs, err := proc.Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	m := mark{role: r, nonce: newNonce()}
	o.Boot.ParentName, o.Boot.ParentPid = here.name(), os.Getpid()
	if err := writeBoot(conn, m.nonce, o.Boot); err != nil {
		conn.Close()
		return nil, err
	}
	c := &child{conn: conn}
	spec := proc.Spec{
		Path: path, Args: argv, Dir: o.Dir,
		Env:   childEnv(o.Env, m),
		Stdin: o.Stdin, Files: []*os.File{theirs},
		Tree: tree, Sentry: sentry,
	}
	copies, err := c.redirect(&spec, o)
	if err == nil {
		c.Child, err = proc.Start(spec)
	}
	if err != nil {
		conn.Close()
		for _, out := range c.outputs {
			out.Discard()
		}
		return nil, err
	}
	for i, out := range c.outputs {
		out.Copy(copies[i], c.Done())
	}
	return c, nil
}

// redirect fills in the spec's standard streams and returns where each of the
// outputs is copied to.
func (c *child) redirect(spec *proc.Spec, o childOptions) (copies []io.Writer, err error) {
	pipe := func(to io.Writer) (*os.File, error) {
		out, err := proc.NewOutput()
		if err != nil {
			return nil, err
		}
		c.outputs, copies = append(c.outputs, out), append(copies, to)
		return out.File(), nil
	}
	var plain bool
	if spec.Stdout, plain = fileOf(o.Stdout, os.Stdout); !plain {
		if spec.Stdout, err = pipe(o.Stdout); err != nil {
			return nil, err
		}
	}
	if o.Tail > 0 {
		c.tail = proc.NewTail(o.Tail)
		spec.Stderr, err = pipe(io.MultiWriter(c.tail, cmp.Or[io.Writer](o.Stderr, os.Stderr)))
		return copies, err
	}
	if spec.Stderr, plain = fileOf(o.Stderr, os.Stderr); !plain {
		spec.Stderr, err = pipe(o.Stderr)
	}
	return copies, err
}

// fileOf returns the file that a child can inherit for w.
func fileOf(w io.Writer, own *os.File) (*os.File, bool) {
	if w == nil {
		return own, true
	}
	f, ok := w.(*os.File)
	return f, ok
}

// drained waits until what the child wrote has been copied, which is soon after its end.
func (c *child) drained() {
	for _, out := range c.outputs {
		<-out.Done()
	}
}

// program returns what to execute and the arguments to do it with. /proc/self/exe
// is this binary also after its file was replaced or deleted, as go run does.
func program(command []string) (path string, argv []string, err error) {
	if len(command) > 0 {
		path, err = exec.LookPath(command[0])
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

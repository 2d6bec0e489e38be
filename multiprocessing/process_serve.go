package multiprocessing

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

// ExitError is the error by which the target of a [Process] chooses its exit code:
// return multiprocessing.ExitError(3), or panic with it from further below. It
// prints nothing.
//
// Python: sys.exit(3).
type ExitError int

// Error returns "exit code" and the number.
func (e ExitError) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// maxJob bounds the description of an errand, in bytes.
const maxJob = 1 << 16

// serveProcess is Main in the child of a Process.
func serveProcess(conn *net.UnixConn) int {
	j, arg, err := takeJob(conn)
	if err != nil {
		fmt.Fprintf(os.Stderr, "Process %s: %v\n", here.name(), err)
		return 1
	}
	go endWithParent(conn)
	code := j.do(arg)
	here.leave()
	return code
}

// takeJob says hello, by which the parent knows that Main was reached, and reads
// what there is to do.
func takeJob(conn *net.UnixConn) (j errand, arg []byte, err error) {
	if _, err := conn.Write([]byte{1}); err != nil {
		return j, nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return j, nil, fmt.Errorf("reading the job: %w", err)
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > maxJob {
		return j, nil, fmt.Errorf("reading the job: its description claims %d bytes", n)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(conn, head); err != nil {
		return j, nil, fmt.Errorf("reading the job: %w", err)
	}
	if err := json.Unmarshal(head, &j); err != nil {
		return j, nil, fmt.Errorf("reading the job: %w", err)
	}
	arg, err = io.ReadAll(io.LimitReader(conn, j.Size))
	if err == nil && int64(len(arg)) != j.Size {
		err = io.ErrUnexpectedEOF
	}
	return j, arg, err
}

// endWithParent ends this process when its parent is gone, where the system does
// not see to it.
func endWithParent(conn *net.UnixConn) {
	_, _ = io.Copy(io.Discard, conn)
	killOwnGroup()
	os.Exit(exitNoParent)
}

// do runs the errand and returns the exit code, having printed why it is not 0.
func (j errand) do(arg []byte) int {
	fn := lookup([]byte(j.Func))
	switch {
	case fn == nil:
		fmt.Fprintf(os.Stderr, "Process %s: this program has no function %q\n", here.name(), j.Func)
		return 1
	case fn.digest != j.Digest:
		fmt.Fprintf(os.Stderr, "Process %s: function %q has other types in this program\n", here.name(), j.Func)
		return 1
	}
	code := make(chan int)
	go func() { // of its own, because a goroutine that Goexit ends does not come back
		c, returned := 0, false
		defer func() {
			if v := recover(); v != nil {
				c = report(v, debug.Stack())
			} else if !returned {
				c = report("the target called runtime.Goexit", nil)
			}
			code <- c
		}()
		err := fn.call(j.Codec, arg)
		if e, ok := errors.AsType[*encodingError](err); err != nil && !(ok && e.what == "result") {
			c = report(err, nil)
		}
		returned = true
	}()
	return <-code
}

// report prints why the target ended, unless it chose to, and returns the exit code.
func report(v any, stack []byte) int {
	if err, ok := v.(error); ok {
		if e, ok := errors.AsType[ExitError](err); ok {
			return int(e)
		}
	}
	if stack == nil {
		fmt.Fprintf(os.Stderr, "Process %s: %v\n", here.name(), v)
	} else {
		fmt.Fprintf(os.Stderr, "Process %s: panic: %v\n\n%s", here.name(), v, stack)
	}
	return 1
}

// daemonGrace is how long a daemon may take to end after it was terminated,
// before it is killed.
const daemonGrace = 5 * time.Second

// endChildren terminates the daemons, then waits for all processes.
func (h *place) endChildren() {
	for children := h.active(); len(children) > 0; children = h.active() {
		for _, p := range children {
			if p.Daemon() {
				_ = p.Terminate()
			}
		}
		late := time.AfterFunc(daemonGrace, func() {
			for _, p := range children {
				if p.Daemon() {
					_ = p.Kill()
				}
			}
		})
		for _, p := range children {
			<-p.done
		}
		late.Stop()
	}
}

package proc

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// An Output is a pipe that carries what a child writes to a writer of this
// process. It ends with the child, also when descendants hold it open.
type Output struct {
	r, w *os.File
	done chan struct{}
}

// NewOutput makes the pipe.
func NewOutput() (*Output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &Output{r: r, w: w, done: make(chan struct{})}, nil
}

// File is the child's end, for [Spec]; it may serve as two of its descriptors.
func (o *Output) File() *os.File { return o.w }

// Copy starts to copy to w, after the child was started, until ended is closed
// and what the child wrote before is copied; then w is flushed, if it has a method
// Flush. A writer that fails loses the rest and does not stop the child.
func (o *Output) Copy(w io.Writer, ended <-chan struct{}) {
	o.w.Close()
	go func() {
		select {
		case <-ended:
			_ = o.r.SetReadDeadline(time.Now())
		case <-o.done:
		}
	}()
	go func() {
		defer close(o.done)
		defer o.r.Close()
		if f, ok := w.(interface{ Flush() }); ok {
			defer f.Flush()
		}
		buf := make([]byte, 32<<10)
		for {
			n, err := o.r.Read(buf)
			_, _ = w.Write(buf[:n])
			if err != nil {
				if os.IsTimeout(err) {
					drain(o.r, w, buf)
				}
				return
			}
		}
	}()
}

// Discard closes both ends when no child was started.
func (o *Output) Discard() {
	o.w.Close()
	o.r.Close()
}

// Done returns a channel that is closed when all is copied.
func (o *Output) Done() <-chan struct{} { return o.done }

// A Tail keeps the last bytes that were written to it, and the first of those by
// which the Go runtime says why it ends a program: many lines of stacks follow them.
type Tail struct {
	max int

	mu     sync.Mutex // guards following
	buf    []byte
	line   []byte // the start of the line that is open
	reason []byte // the start of a crash
}

// maxReason is how much is kept of the start of a crash.
const maxReason = 1 << 10

// crashes are how the Go runtime begins to say why it ends a program.
var crashes = []string{"fatal error: ", "runtime/cgo: ", "panic: ", "SIGSEGV: ", "SIGBUS: ", "SIGILL: ", "SIGABRT: ", "SIGQUIT: "}

// NewTail returns a Tail of up to max bytes.
func NewTail(max int) *Tail { return &Tail{max: max} }

// Write keeps p and drops what is too old. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.max; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.look(p)
	return len(p), nil
}

// look follows the lines until one begins a crash, and keeps what follows that.
func (t *Tail) look(p []byte) {
	for len(p) > 0 && len(t.reason) == 0 {
		n := bytes.IndexByte(p, '\n') + 1
		if n == 0 {
			n = len(p)
		}
		t.line = append(t.line, p[:min(n, maxReason-len(t.line))]...)
		whole := p[n-1] == '\n'
		p = p[n:]
		for _, crash := range crashes {
			if whole && bytes.HasPrefix(t.line, []byte(crash)) {
				t.reason = append(t.reason, t.line...)
			}
		}
		if whole {
			t.line = t.line[:0]
		}
	}
	if len(t.reason) > 0 {
		t.reason = append(t.reason, p[:min(len(p), max(0, maxReason-len(t.reason)))]...)
	}
}

// String returns what is kept, from the start of a line where the start was lost,
// and before it the start of a crash, if that was lost.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.buf
	if len(kept) == t.max {
		if _, rest, ok := bytes.Cut(kept, []byte{'\n'}); ok {
			kept = rest
		}
	}
	text := strings.ToValidUTF8(string(kept), "\uFFFD")
	reason := strings.ToValidUTF8(string(t.reason), "\uFFFD")
	if strings.Contains(text, reason) {
		return text
	}
	return strings.TrimSuffix(reason, "\n") + "\n...\n" + text
}

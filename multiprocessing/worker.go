package multiprocessing

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/quartet-go/quartet/internal/codec"
	"github.com/quartet-go/quartet/internal/frame"
)

// maxFrame bounds the body of a frame that goes through the socket.
const maxFrame = 16 << 30

// hello is what a worker is told before it serves.
type hello struct {
	Pool        string    `cbor:"pool"`
	Worker      int       `cbor:"worker"`
	Ledger      bool      `cbor:"ledger,omitempty"` // its descriptor comes along
	Initializer *callBody `cbor:"initializer,omitempty"`
	Finalizer   *callBody `cbor:"finalizer,omitempty"`
}

// callBody is a call inside another body.
type callBody struct {
	Function string `cbor:"function"`
	Codec    uint8  `cbor:"codec"`
	Arg      []byte `cbor:"arg"`
}

// body returns c to be sent, or nil if there is nothing to call.
func (c Call) body() *callBody {
	if c.fn == nil {
		return nil
	}
	return &callBody{Function: c.fn.name, Codec: uint8(c.codec), Arg: c.arg}
}

// ready is what a worker answers.
type ready struct {
	Pid       int               `cbor:"pid"`
	Functions map[string]string `cbor:"functions"` // name → digest
	Failed    *failure          `cbor:"failed,omitempty"`
}

// serveWorker is Main in a pool's worker.
func serveWorker(conn *net.UnixConn) int {
	defer conn.Close()
	s := &server{outlet: outlet{conn: conn}, in: frame.NewReader(&socket{UnixConn: conn}, maxFrame, closeFD)}
	s.more.L = &s.mu
	s.slots.forget = func(id uint64) { _ = s.sendFrame(frame.Header{Kind: frame.Forget, Task: id}, nil) }
	// An interrupt from the terminal is the parent's to decide about.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	if err := s.greet(); err != nil {
		fmt.Fprintln(os.Stderr, "multiprocessing: worker:", err)
		return exitNoParent
	}
	if s.failed {
		return 1
	}
	go s.read()
	for {
		ended := make(chan bool, 1)
		go s.serve(ended)
		if <-ended {
			return s.finalize()
		}
	}
}

// finalize is the last that a worker does, and returns its exit code.
func (s *server) finalize() int {
	if err := s.finalizer.call(); err != nil {
		fmt.Fprintln(os.Stderr, "multiprocessing: finalizer:", err)
		return 1
	}
	return 0
}

// server is the worker's side of its connection. One goroutine reads, another runs
// one task after the other.
type server struct {
	outlet
	in     *frame.Reader
	failed bool // the initializer did

	finalizer *callBody // nil: none
	views     views     // of the goroutine that reads
	slots     slots     // of results

	mu      sync.Mutex // guards following
	more    sync.Cond  // queue or ending changed
	queue   []*serving
	running *serving
	ending  bool // no more calls will come
	retired bool // a call that comes all the same is given back
}

// serving is a call that was taken from the connection.
type serving struct {
	task  uint64
	fn    *function
	name  string
	items int
	arg   payload
	once  *slot // of arg, to be closed after it was decoded
	ctx   context.Context
	stop  context.CancelCauseFunc
	began time.Duration // since ledger.clock
}

// greet takes the parent's hello, runs the initializer and answers.
func (s *server) greet() error {
	f, err := s.in.Next()
	if err != nil {
		return fmt.Errorf("reading the parent's hello: %w", err)
	}
	var h hello
	if f.Kind != frame.Hello {
		return fmt.Errorf("first frame is of kind %d", f.Kind)
	}
	if err := cbor.Unmarshal(f.Body, &h); err != nil {
		return fmt.Errorf("reading the parent's hello: %w", err)
	}
	if h.Ledger && len(f.FDs) == 1 {
		s.ledger, err = mapLedger(f.FDs[0])
		closeFD(f.FDs[0])
		if err != nil {
			return err
		}
	}
	if err := s.sendFrame(frame.Header{Kind: frame.Start}, nil); err != nil {
		return err
	}
	answer := ready{Pid: os.Getpid(), Functions: digests()}
	s.finalizer = h.Finalizer
	if err := h.Initializer.call(); err != nil {
		answer.Failed = new(failureOf(err))
		s.failed = true
	}
	body, err := cbor.Marshal(answer)
	if err != nil {
		return err
	}
	return s.sendFrame(frame.Header{Kind: frame.Ready}, body)
}

// call calls the function here; nil is nothing to call.
func (c *callBody) call() error {
	if c == nil {
		return nil
	}
	fn := lookup([]byte(c.Function))
	if fn == nil {
		return fmt.Errorf("%s: %w", c.Function, ErrNotRegistered)
	}
	done := make(chan error, 1)
	go protect(func() error { return fn.call(codec.ID(c.Codec), c.Arg) }, func(err error) { done <- err })
	return <-done
}

// read takes frames until the parent is gone, and then the process ends: nobody
// wants what it does.
func (s *server) read() {
	for {
		f, err := s.in.Next()
		if err == nil {
			err = s.take(f)
		}
		if err != nil {
			s.mu.Lock()
			quiet := s.ending
			s.mu.Unlock()
			if quiet {
				return
			}
			os.Exit(exitNoParent)
		}
	}
}

func (s *server) take(f frame.Frame) error {
	switch f.Kind {
	case frame.Call:
		c, err := s.parse(f)
		if err != nil {
			return err
		}
		if !s.enqueue(c) {
			return s.sendFrame(frame.Header{Kind: frame.Return, Task: f.Task}, nil)
		}
	case frame.Cancel, frame.Recall:
		if s.drop(f.Task, f.Kind == frame.Cancel) {
			return s.sendFrame(frame.Header{Kind: frame.Return, Task: f.Task}, nil)
		}
	case frame.Release:
		s.slots.release(f.Task)
	case frame.Forget:
		s.views.forget(f.Task)
	case frame.Exit:
		s.mu.Lock()
		s.ending = true
		s.more.Signal()
		s.mu.Unlock()
	}
	return nil
}

func (s *server) parse(f frame.Frame) (*serving, error) {
	name, items, arg, err := frame.ParseCall(f.Body)
	if err != nil {
		return nil, err
	}
	c := &serving{task: f.Task, items: int(items), fn: lookup(name)}
	if c.arg, c.once, err = s.views.open(f, arg); err != nil {
		return nil, err
	}
	if c.arg.slot == nil && c.arg.buffer == nil {
		c.arg.data = append([]byte(nil), c.arg.data...)
	}
	if c.fn == nil {
		c.name = string(name)
	}
	return c, nil
}

func (s *server) enqueue(c *serving) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.retired {
		s.queue = append(s.queue, c)
		s.more.Signal()
	}
	return !s.retired
}

// drop takes a task from the queue and reports whether it was there. If it runs,
// and is to be cancelled, its ctx ends.
func (s *server) drop(task uint64, cancel bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.queue {
		if c.task == task {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			if c.once != nil {
				c.once.close()
			}
			return true
		}
	}
	if cancel && s.running != nil && s.running.task == task {
		s.running.stop(context.Canceled)
	}
	return false
}

// serve runs tasks until there will be none, and sends whether it came so far:
// not if a task ended its goroutine.
func (s *server) serve(ended chan<- bool) {
	done := false
	defer func() { ended <- done }()
	for {
		c := s.next()
		if c == nil {
			done = true
			return
		}
		s.execute(c)
	}
}

func (s *server) next() *serving {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.ending {
			return nil
		}
		s.more.Wait()
	}
	c := s.queue[0]
	s.queue = s.queue[1:]
	c.ctx, c.stop = context.WithCancelCause(context.Background())
	s.running = c
	if s.ledger != nil {
		c.began = time.Since(s.ledger.clock)
		s.ledger.start(c.task, c.began)
	}
	return c
}

// execute runs a call and answers it. After a panic the worker ends, since nobody
// knows in what state the panic left it.
func (s *server) execute(c *serving) {
	if s.ledger == nil {
		_ = s.sendFrame(frame.Header{Kind: frame.Start, Task: c.task}, nil)
	}
	item := 0
	returned := false
	defer func() {
		if !returned {
			s.answer(c, payload{}, recoveredPanic(recover()), item)
		}
	}()
	out, err := c.run(&item, &s.slots)
	returned = true
	s.answer(c, out, err, item)
}

// run calls the function; what it returned comes after room for a header, or in
// one of the slots.
func (c *serving) run(item *int, s *slots) (payload, error) {
	defer c.stop(context.Canceled)
	if c.once != nil {
		defer c.once.close()
	}
	if c.fn == nil {
		return payload{}, fmt.Errorf("%s: %w", c.name, ErrNotRegistered)
	}
	return c.fn.run(c.ctx, c.arg, c.items, item, make([]byte, frame.HeaderLen, 64), s)
}

func (s *server) answer(c *serving, out payload, err error, item int) {
	s.mu.Lock()
	s.running = nil
	last := len(s.queue) == 0
	s.mu.Unlock()
	if err != nil {
		s.answerError(c, err, item, last)
		return
	}
	h := frame.Header{Kind: frame.Result, Task: c.task, Codec: uint8(out.codec)}
	switch {
	case out.buffer != nil:
		s.answerBuffer(h, out.buffer, c, item)
	case out.slot != nil:
		s.answerSlot(h, out)
	default:
		s.reply(h, out.data, c, last)
	}
}

func (s *server) answerError(c *serving, err error, item int, last bool) {
	f := failureOf(err)
	body, encodeErr := cbor.Marshal(f)
	if encodeErr != nil {
		body, _ = cbor.Marshal(failure{Type: f.Type, Message: encodeErr.Error()})
	}
	h := frame.Header{Kind: frame.Fail, Task: c.task, Aux: uint64(item)}
	if f.Panic {
		h.Flags = frame.Retire
		defer s.retire()
	}
	s.reply(h, append(make([]byte, frame.HeaderLen), body...), c, last)
}

// answerBuffer answers with a buffer, which this process has no more from then on.
func (s *server) answerBuffer(h frame.Header, b *Buffer, c *serving, item int) {
	fd, size, err := b.share()
	if err != nil {
		s.answerError(c, &encodingError{"result", err}, item, true)
		return
	}
	s.beside(h, frame.Slot{Size: uint64(size), Len: uint64(size)}, []int{fd})
	closeFD(fd)
	b.Release()
}

// answerSlot answers with what lies in a slot.
func (s *server) answerSlot(h frame.Header, out payload) {
	var fds []int
	if !out.slot.seen {
		out.slot.seen, fds = true, []int{out.slot.fd}
	}
	s.beside(h, frame.Slot{ID: out.slot.id, Size: uint64(len(out.slot.mem)), Len: uint64(len(out.data))}, fds)
	if out.slot.id == 0 {
		s.slots.put(out.slot)
	}
}

func (s *server) beside(h frame.Header, place frame.Slot, fds []int) {
	h.Flags |= frame.Beside
	h.Descriptors = uint16(len(fds))
	body := frame.AppendSlot(nil, place)
	h.Len = uint64(len(body))
	if err := s.sendFDs(append(frame.Append(nil, h), body...), fds); err != nil {
		os.Exit(exitNoParent)
	}
}

// reply sends an answer for whose header there is room at the beginning of out, or
// keeps it to go with the next if both are quick.
func (s *server) reply(h frame.Header, out []byte, c *serving, last bool) {
	h.Len = uint64(len(out) - frame.HeaderLen)
	frame.Append(out[:0], h)
	var now time.Duration
	quick := !last && s.ledger != nil
	if quick {
		now = time.Since(s.ledger.clock)
		quick = now-c.began <= quickTask
	}
	var err error
	if quick {
		err = s.keep(out, now)
	} else {
		err = s.send(out)
	}
	if err != nil {
		os.Exit(exitNoParent)
	}
}

// retire gives back what has not begun and has the worker end.
func (s *server) retire() {
	s.mu.Lock()
	back := s.queue
	s.queue, s.ending, s.retired = nil, true, true
	s.mu.Unlock()
	for _, c := range back {
		_ = s.sendFrame(frame.Header{Kind: frame.Return, Task: c.task}, nil)
	}
}

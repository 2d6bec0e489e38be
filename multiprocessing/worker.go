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
}

// callBody is a call inside another body.
type callBody struct {
	Function string `cbor:"function"`
	Codec    uint8  `cbor:"codec"`
	Arg      []byte `cbor:"arg"`
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
			return 0
		}
	}
}

// server is the worker's side of its connection. One goroutine reads, another runs
// one task after the other.
type server struct {
	outlet
	in     *frame.Reader
	failed bool // the initializer did

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
	codec codec.ID
	limit int64
	fn    *function
	name  string
	items int
	arg   []byte
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
	if err := initialize(h.Initializer); err != nil {
		answer.Failed = new(failureOf(err))
		s.failed = true
	}
	body, err := cbor.Marshal(answer)
	if err != nil {
		return err
	}
	return s.sendFrame(frame.Header{Kind: frame.Ready}, body)
}

func initialize(c *callBody) error {
	if c == nil {
		return nil
	}
	fn := lookup([]byte(c.Function))
	if fn == nil {
		return fmt.Errorf("%s: %w", c.Function, ErrNotRegistered)
	}
	done := make(chan error, 1)
	go protect(func() error {
		var at int
		_, _, err := fn.call(context.Background(), codec.ID(c.Codec), c.Arg, 0, &at, nil)
		return err
	}, func(err error) { done <- err })
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
	c := &serving{task: f.Task, codec: codec.ID(f.Codec), limit: int64(f.Aux), items: int(items), fn: lookup(name)}
	c.arg = append(c.arg, arg...)
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
			s.answer(c, 0, nil, recoveredPanic(recover()), item)
		}
	}()
	id, out, err := c.run(&item)
	returned = true
	s.answer(c, id, out, err, item)
}

// run calls the function; what it returned comes after room for a header.
func (c *serving) run(item *int) (codec.ID, []byte, error) {
	defer c.stop(context.Canceled)
	if c.fn == nil {
		return 0, nil, fmt.Errorf("%s: %w", c.name, ErrNotRegistered)
	}
	return c.fn.call(c.ctx, c.codec, c.arg, c.items, item, make([]byte, frame.HeaderLen, 64))
}

func (s *server) answer(c *serving, id codec.ID, out []byte, err error, item int) {
	s.mu.Lock()
	s.running = nil
	last := len(s.queue) == 0
	s.mu.Unlock()
	h := frame.Header{Kind: frame.Result, Task: c.task, Codec: uint8(id)}
	if err != nil {
		f := failureOf(err)
		body, encodeErr := cbor.Marshal(f)
		if encodeErr != nil {
			body, _ = cbor.Marshal(failure{Type: f.Type, Message: encodeErr.Error()})
		}
		h = frame.Header{Kind: frame.Fail, Task: c.task, Aux: uint64(item)}
		if f.Panic {
			h.Flags = frame.Retire
			defer s.retire()
		}
		out = append(make([]byte, frame.HeaderLen), body...)
	}
	h.Len = uint64(len(out) - frame.HeaderLen)
	frame.Append(out[:0], h)
	if err := s.reply(out, c, last); err != nil {
		os.Exit(exitNoParent)
	}
}

// reply sends an answer, or keeps it to go with the next if both are quick.
func (s *server) reply(out []byte, c *serving, last bool) error {
	if last || s.ledger == nil {
		return s.send(out)
	}
	now := time.Since(s.ledger.clock)
	if now-c.began > quickTask {
		return s.send(out)
	}
	return s.keep(out, now)
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

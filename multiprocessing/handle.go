package multiprocessing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/quartet-go/quartet/internal/frame"
)

// A worker is the pool's side of a worker process.
//
// Its connection is read by whoever holds the turn (reading): the worker's own
// goroutine, or the caller of a synchronous [Apply]. While the queue is empty
// nobody reads.
type worker struct {
	pool      *Pool
	id        int
	child     *child
	conn      *net.UnixConn
	in        *frame.Reader // of whoever has the turn
	ledger    *ledger
	functions map[string]string // of its program: name → digest
	out       outbox
	callBuf   []byte // of whoever has the turn
	views     views  // of whoever has the turn

	kick   chan struct{} // gives the turn to the worker's goroutine
	over   chan struct{} // closed: goroutines are to end
	broken chan struct{} // closed: the connection is of no use, for the reason err
	err    error
	once   sync.Once
	killed chan struct{} // closed: the process is to be killed

	// Guarded by pool.mu:
	queue     []*Task // sent and not answered, in order
	window    int     // how long queue may be
	pace      time.Duration
	paceFrom  time.Time
	reading   bool
	direct    *Task // of the Apply whose caller has the turn
	begun     uint64
	begunAt   time.Time // where there is no ledger
	assigned  int       // tasks so far
	stopping  int       // tasks in queue that are being stopped
	recalled  int       // tasks in queue that were asked back
	leaving   bool      // gets no more tasks
	exiting   bool      // was told to end, or said that it will
	exitTimer *time.Timer
	woken     bool // the caller of direct was interrupted
	readyAt   time.Time
	lastUse   time.Time
	taskLimit int  // 0 for none
	tooLarge  bool // it was killed for the memory of its task
	dead      bool
}

const (
	minWindow   = 2
	maxWindow   = 128
	windowWork  = 500 * time.Microsecond // of work that is to wait in a worker
	tailLen     = 8 << 10                // bytes of stderr that are kept
	helloLimit  = time.Minute            // until the child has called Main
	exitLimit   = 5 * time.Second        // beside Grace, for a worker that was told to end
	reportLimit = time.Second            // between the end of the connection and of the process
)

// errInitializer marks the error of a start that will fail again.
var errInitializer = errors.New("initializer failed")

func newWorker(p *Pool, id int) *worker {
	w := &worker{
		pool: p, id: id, taskLimit: p.opts.taskLimit(), window: minWindow, pace: windowWork,
		kick: make(chan struct{}, 1), over: make(chan struct{}),
		broken: make(chan struct{}), killed: make(chan struct{}),
	}
	w.out.wake = make(chan struct{}, 1)
	return w
}

// start starts the process and returns when it is ready to serve, or gone again.
func (w *worker) start(ctx context.Context) error {
	ledger, ledgerFD, err := newLedger()
	if err != nil {
		return err
	}
	w.ledger = ledger
	if ledgerFD >= 0 {
		defer closeFD(ledgerFD)
	}
	c, err := startChild(roleWorker, w.childOptions())
	if err != nil {
		ledger.close()
		return err
	}
	w.pool.mu.Lock()
	w.child = c
	w.pool.mu.Unlock()
	w.conn = w.child.conn
	source := &socket{UnixConn: w.conn}
	if ledger != nil {
		source.unsent = ledger.unsent
	}
	w.in = frame.NewReader(source, maxFrame, closeFD)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.pool.life, cancel)()
	defer context.AfterFunc(ctx, w.child.KillTree)()
	if err = w.greet(ledgerFD); err == nil {
		return nil
	}
	if hungUp(err) && !errors.Is(err, os.ErrDeadlineExceeded) {
		w.awaitEnd()
		err = w.deathError("start", nil)
	}
	w.child.KillTree()
	<-w.child.Done()
	w.release()
	if cause := ended(ctx); cause != nil {
		err = cause
	}
	return err
}

// childOptions returns how the process is to be started.
func (w *worker) childOptions() childOptions {
	o := &w.pool.opts
	c := childOptions{
		Boot:    boot{Name: fmt.Sprintf("%sWorker-%d", o.Name, w.id)},
		Command: o.Command,
		Start:   o.Start,
		Env:     append([]string{fmt.Sprintf("GOMAXPROCS=%d", max(1, CPUCount()/o.Workers))}, o.Env...),
		Dir:     o.Dir,
		Memory:  o.MemoryLimit,
		Cgroup:  o.Cgroup,
		Tail:    tailLen,
	}
	if o.Output != nil {
		c.Stdout = &lineLog{log: o.Output, level: slog.LevelInfo, attrs: w.logAttrs}
		c.Stderr = &lineLog{log: o.Output, level: slog.LevelWarn, attrs: w.logAttrs}
	}
	return c
}

// logAttrs tells which worker wrote a line, and in which task.
func (w *worker) logAttrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("pool", w.pool.opts.Name), slog.Int("worker", w.id)}
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	if w.child == nil { // it writes before it was known to be started
		return attrs
	}
	attrs = append(attrs, slog.Int("pid", w.child.Pid()))
	for _, t := range w.queue {
		if w.started(t) {
			attrs = append(attrs, slog.String("task", t.fn.name), slog.Uint64("id", t.pooled.id))
		}
	}
	return attrs
}

func (w *worker) greet(ledgerFD int) error {
	h := hello{Worker: w.id, Ledger: ledgerFD >= 0}
	h.Initializer, h.Finalizer = w.pool.opts.Initializer.body(), w.pool.opts.Finalizer.body()
	body, err := cbor.Marshal(h)
	if err != nil {
		return err
	}
	head := frame.Header{Kind: frame.Hello, Len: uint64(len(body))}
	var fds []int
	if h.Ledger {
		head.Descriptors, fds = 1, []int{ledgerFD}
	}
	if err := sendWith(w.conn, append(frame.Append(nil, head), body...), fds); err != nil {
		return err
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(helloLimit))
	f, err := w.in.Next()
	if err == nil && f.Kind != frame.Start {
		err = fmt.Errorf("first frame is of kind %d", f.Kind)
	}
	if err != nil {
		return fmt.Errorf("waiting for the worker, whose func main is to be os.Exit(multiprocessing.Main(run)): %w", err)
	}
	_ = w.conn.SetReadDeadline(time.Time{})
	if f, err = w.in.Next(); err != nil {
		return fmt.Errorf("waiting for the worker to be ready: %w", err)
	}
	var r ready
	if err := readyMode.Unmarshal(f.Body, &r); err != nil || f.Kind != frame.Ready {
		return fmt.Errorf("reading the worker's answer, a frame of kind %d: %w", f.Kind, err)
	}
	w.functions = r.Functions
	if r.Failed != nil {
		return fmt.Errorf("%w: %w", errInitializer, r.Failed.remote(w.pool.opts.Initializer.fn.name, r.Pid, -1))
	}
	return nil
}

var readyMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxMapPairs: 1 << 24}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// watch serves the connection until the process is gone, and buries it.
func (w *worker) watch() {
	var wg sync.WaitGroup
	wg.Go(w.flush)
	wg.Go(w.readTurns)
	select {
	case <-w.child.Done():
	case <-w.broken:
		if hungUp(w.err) {
			w.awaitEnd()
		} else {
			w.child.KillTree()
		}
	case <-w.killed:
		w.child.KillTree()
	}
	<-w.child.Done()
	defer w.child.KillTree() // what it left behind, when its death is known

	w.pool.mu.Lock()
	w.leaving, w.dead = true, true
	reading := w.reading
	w.pool.mu.Unlock()
	if reading { // what it sent before it died still counts
		_ = w.conn.SetReadDeadline(time.Now().Add(reportLimit))
		<-w.broken
	}
	close(w.over)
	w.conn.Close()
	wg.Wait()
	w.child.endGroup()
	w.bury()
}

// awaitEnd waits for the end of a process whose connection has ended.
func (w *worker) awaitEnd() {
	timer := time.NewTimer(reportLimit)
	defer timer.Stop()
	select {
	case <-w.child.Done():
	case <-w.killed:
		w.child.KillTree()
		<-w.child.Done()
	case <-timer.C:
		w.child.KillTree()
		<-w.child.Done()
	}
}

// fail makes it known that the connection is of no use.
func (w *worker) fail(err error) {
	w.once.Do(func() {
		w.err = err
		close(w.broken)
	})
}

// bury hands back what a dead worker had not begun and fails what it had.
func (w *worker) bury() {
	p := w.pool
	p.mu.Lock()
	for i, other := range p.workers {
		if other == w {
			p.workers = append(p.workers[:i], p.workers[i+1:]...)
			break
		}
	}
	var lost *Task
	var back []*Task
	for _, t := range w.queue {
		t.disarm()
		switch {
		case t.Settled(), p.state == poolTerminated, p.state == poolBroken: // or will be, by end
			p.leave(t)
		case w.started(t):
			lost = t
			p.counts.died++
			p.detach(t)
		default:
			t.pooled.worker, t.pooled.recalled = nil, false
			back = append(back, t)
		}
	}
	w.queue = nil
	if p.state == poolRunning || p.state == poolClosing {
		p.pending.pushFront(back...)
	}
	if lost == nil && !w.exiting && time.Since(w.readyAt) < time.Second {
		p.diedEarly(func() error { return w.deathError("idle", w.err) })
	}
	p.replace()
	p.dispatch()
	p.finishIfDone()
	p.mu.Unlock()
	if lost != nil {
		lost.Fail(w.deathError(lost.fn.name, w.err))
		p.mu.Lock()
		p.left(lost)
		p.mu.Unlock()
	}
	w.release()
}

func (w *worker) release() {
	if w.exitTimer != nil {
		w.exitTimer.Stop()
	}
	w.conn.Close()
	w.in.Close()
	w.ledger.close()
	w.views.close()
	w.pool.unknow(w)
}

// deathError tells how the process ended.
func (w *worker) deathError(function string, err error) *WorkerError {
	w.child.drained()
	state := w.child.State()
	e := &WorkerError{Function: function, Pid: w.child.Pid(), ExitCode: state.Code, Signal: state.Signal}
	e.Stderr = w.child.tail.String()
	e.OOM = w.child.outOfMemory() || w.tooLarge
	if err != nil && !hungUp(err) {
		e.Err = err
	}
	return e
}

// hungUp reports whether err is the end of a connection whose other side is gone.
func hungUp(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed, os.ErrDeadlineExceeded} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// assign gives t to w. The caller holds mu.
func (w *worker) assign(t *Task) {
	w.enqueue(t)
	h, fds := w.callHeader(t)
	w.out.addCall(h, t, fds)
	if !w.reading {
		w.reading = true
		w.kick <- struct{}{}
	}
}

func (w *worker) enqueue(t *Task) {
	if len(w.queue) == 0 {
		w.paceFrom = time.Now()
	}
	t.pooled.worker = w
	w.queue = append(w.queue, t)
	w.assigned++
	if w.assigned == w.taskLimit {
		w.leaving = true
		w.pool.counts.recycled++
	}
	if t.memory > 0 {
		go w.watchMemory(t.pooled.id, t.memory)
	}
	if t.timeout > 0 {
		t.arm(t.timeout, func() { w.expire(t) })
	}
}

// callHeader returns the header of the call of t, and the descriptors to go with it.
func (w *worker) callHeader(t *Task) (h frame.Header, fds []int) {
	h = frame.Header{Kind: frame.Call, Codec: uint8(t.pooled.arg.codec), Task: t.pooled.id, Aux: uint64(max(0, t.timeout))}
	switch arg := &t.pooled.arg; {
	case arg.buffer != nil:
		fds = []int{t.pooled.fd}
	case arg.slot != nil && (arg.slot.id == 0 || !w.pool.knows(w, arg.slot.id)):
		fds = []int{arg.slot.fd}
	case arg.slot == nil:
		return h, nil
	}
	h.Flags |= frame.Beside
	h.Descriptors = uint16(len(fds))
	return h, fds
}

// appendCall appends the frame of a call.
func appendCall(dst []byte, h frame.Header, t *Task) []byte {
	arg := &t.pooled.arg
	data := arg.data
	var slot [32]byte
	switch {
	case arg.buffer != nil:
		data = frame.AppendSlot(slot[:0], frame.Slot{Size: uint64(t.pooled.size), Len: uint64(t.pooled.size)})
	case arg.slot != nil:
		data = frame.AppendSlot(slot[:0], frame.Slot{ID: arg.slot.id, Size: uint64(len(arg.slot.mem)), Len: uint64(len(data))})
	}
	h.Len = uint64(frame.CallLen(t.fn.name) + len(data))
	dst = slices.Grow(dst, frame.HeaderLen+int(h.Len))
	return append(frame.AppendCall(frame.Append(dst, h), t.fn.name, uint32(t.items)), data...)
}

// arm has f called after d, in place of what was armed before.
func (t *Task) arm(d time.Duration, f func()) {
	t.disarm()
	t.pooled.timer = time.AfterFunc(d, f)
}

func (t *Task) disarm() {
	if t.pooled.timer != nil {
		t.pooled.timer.Stop()
		t.pooled.timer = nil
	}
}

// started reports whether the worker has begun t. The caller holds mu.
func (w *worker) started(t *Task) bool { return w.runs(t.pooled.id) }

func (w *worker) runs(id uint64) bool {
	task, _ := w.lastStart()
	return task == id
}

func (w *worker) lastStart() (task uint64, at time.Time) {
	if w.begun == 0 && w.ledger != nil {
		return w.ledger.started()
	}
	return w.begun, w.begunAt
}

// recall asks for tasks back that have not begun. The caller holds mu.
func (w *worker) recall(tasks []*Task) {
	for _, t := range tasks {
		if !t.pooled.recalled && !t.Settled() {
			t.pooled.recalled = true
			w.recalled++
			w.out.add(frame.Header{Kind: frame.Recall, Task: t.pooled.id})
		}
	}
}

// exit has the worker end, if it is not about to. The caller holds mu.
func (w *worker) exit() {
	if !w.exiting && !w.dead {
		w.out.add(frame.Header{Kind: frame.Exit})
		w.ends()
	}
}

// ends kills the worker if it does not end by itself. The caller holds mu.
func (w *worker) ends() {
	w.leaving, w.exiting = true, true
	w.exitTimer = time.AfterFunc(exitLimit+max(0, w.pool.opts.Grace), func() { w.kill() })
}

// kill has the process and its descendants killed.
func (w *worker) kill() {
	w.pool.killing.Lock()
	defer w.pool.killing.Unlock()
	if !isClosed(w.killed) {
		close(w.killed)
	}
}

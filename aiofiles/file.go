package aiofiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// Values of OpenOptions.Buffering beside a size in bytes.
const (
	Unbuffered   = -1 // every read asks the kernel; binary files only
	LineBuffered = 1  // text written is handed to the kernel when it has a whole line
)

const (
	readBuffer          = 16 << 10
	defaultMaxLineBytes = 64 << 20
	// writeGrace is how long a write that was given up may take to tell its
	// outcome after all before the file is poisoned.
	writeGrace = 20 * time.Millisecond
	// closeGrace is how long Close waits for a device that does not answer when
	// the context of Open has ended.
	closeGrace = time.Second / 4
)

// OpenOptions configures [Open]. A nil pointer or a zero field means the default.
type OpenOptions struct {
	// Encoding is the encoding of a text file, by its Python name. Default: "utf-8".
	Encoding string
	// Errors is what becomes of bytes and characters that the encoding has no form
	// for: "strict", "ignore", "replace", "backslashreplace", "xmlcharrefreplace"
	// (writing only) or "surrogateescape". Default: "strict".
	Errors string
	// Newline is what ends a line of a text file. Default: [UniversalNewline].
	Newline Newline
	// Buffering is the size in bytes of a buffer that collects what is written until
	// it is full, flushed or closed. Default: a write returns when the kernel has
	// its bytes. [LineBuffered] and [Unbuffered] are special.
	Buffering int
	// Perm are the permission bits of a file that is created, before the umask. Default: 0o666.
	Perm fs.FileMode
	// Limiter bounds this file's calls. Default: that of the context (see
	// [WithLimiter]), else one of [DefaultThreads] that the process shares.
	Limiter *Limiter
	// MaxLineBytes is the longest line that is read. Default: 64 MiB. Negative: any.
	MaxLineBytes int
}

// A File is an open file, binary or text by its mode. Calls on one File run one
// at a time, in the order they came; it is safe for concurrent use.
//
// Every call with a context can be given up. What a read that was given up has
// taken from the file is there for the next one; the memory that was handed in is
// not touched once a call has returned.
//
// Python: the objects that aiofiles.open returns.
type File struct {
	ctx       context.Context // of Open: what Close runs under
	name      string
	mode      mode
	h         Handle
	lim       *Limiter
	now       nowReader // nil if h cannot be read without waiting
	intr      deadliner // not nil if h can be interrupted
	stream    bool      // no positions
	readAhead bool      // more may be read than was asked for
	bufSize   int       // of the write buffer
	byLine    bool
	maxLine   int

	ending  atomic.Bool // Close or Detach was called
	doubt   atomic.Pointer[PoisonError]
	left    atomic.Bool // the call in flight was given up
	stale   atomic.Bool // what was read ahead may have been written since
	flights flights

	turn *gate // guards following
	gone bool
	// pos is the offset of the next byte to read or write. rbuf[r:w] was read ahead
	// from there on; wbuf ends there and is still to be written.
	pos   int64
	rbuf  []byte
	r, w  int
	wbuf  []byte
	spare []byte // what a helper writes, when the caller's memory must not be used
	text  *text
}

// Open opens the file name. The mode is Python's: exactly one of r (read), w
// (truncate and write), a (append) and x (create), with + for both directions and
// b for binary; without b the file is text. A FIFO is opened at once for reading
// and waits for a reader when opened for writing.
//
// If ctx ends first, Open returns its cause, and a file that opens late is closed;
// one that it made or truncated stays so. Look at the error of [File.Close] after
// writing with a buffer: the last bytes are written there.
//
// The error is a [*fs.PathError] with the error of the system, or around [ErrMode]
// or [ErrEncoding].
//
// Python: aiofiles.open (25.1). Differs: utf-8 is the default encoding everywhere,
// and a write is not held back unless Buffering asks for it.
func Open(ctx context.Context, name, mode string, opts *OpenOptions) (*File, error) {
	m, o, txt, err := prepare(mode, opts)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	h, err := openHandle(ctx, name, m.flags(), o.Perm, o.Limiter)
	if err != nil {
		return nil, err
	}
	return newFile(ctx, h, name, m, o, txt)
}

// openHandle opens name within the limiter, waiting for a reader of a FIFO.
func openHandle(ctx context.Context, name string, flag int, perm fs.FileMode, lim *Limiter) (Handle, error) {
	if perm == 0 {
		perm = 0o666
	}
	if lim == nil {
		lim = limiterOf(ctx)
	}
	fsys := fsOf(ctx)
	if flag == os.O_RDONLY && !inPlace(ctx) {
		if h, ok := openNow(ctx, fsys, name); ok {
			return h, nil
		}
	}
	open := func() (Handle, error) {
		return run(ctx, lim, func() (Handle, error) { return fsys.OpenFile(name, flag, perm) },
			func(h Handle) { h.Close() })
	}
	h, err := open()
	if errors.Is(err, syscall.ENXIO) {
		h, err = openWriter(ctx, lim, fsys, name, open)
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return h, nil
}

// pauseFor waits for d.
func pauseFor(ctx context.Context, d time.Duration) error {
	var t *time.Timer
	err := park.Wait(ctx, func(wake func()) { t = time.AfterFunc(d, wake) })
	t.Stop()
	return err
}

// pathError gives err an operation and a path if it has none.
func pathError(op, name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	_, named := errors.AsType[*fs.PathError](err)
	if _, old := err.(*PoisonError); named && !old { // that one names an earlier call
		return err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// prepare checks what the caller asked for before anything is opened.
func prepare(modeString string, opts *OpenOptions) (mode, OpenOptions, *text, error) {
	var o OpenOptions
	if opts != nil {
		o = *opts
	}
	m, err := parseMode(modeString)
	if err != nil {
		return m, o, nil, err
	}
	if !m.isText {
		switch {
		case o.Encoding != "":
			return m, o, nil, fmt.Errorf("%w: a binary file has no encoding", ErrMode)
		case o.Errors != "":
			return m, o, nil, fmt.Errorf("%w: a binary file has no error handler", ErrMode)
		case o.Newline != UniversalNewline:
			return m, o, nil, fmt.Errorf("%w: a binary file has no newlines", ErrMode)
		}
		return m, o, nil, nil
	}
	if o.Buffering == Unbuffered {
		return m, o, nil, fmt.Errorf("%w: text needs a buffer", ErrMode)
	}
	t, err := newText(o.Encoding, o.Errors, o.Newline)
	return m, o, t, err
}

// newFile makes a File of an open handle, which it closes on an error.
func newFile(ctx context.Context, h Handle, name string, m mode, o OpenOptions, t *text) (*File, error) {
	f := &File{
		ctx: ctx, name: name, mode: m, h: h, lim: o.Limiter, text: t, turn: newGate(1),
		bufSize: max(o.Buffering, 0), maxLine: o.MaxLineBytes,
	}
	if f.lim == nil {
		f.lim = limiterOf(ctx)
	}
	switch {
	case f.maxLine == 0:
		f.maxLine = defaultMaxLineBytes
	case f.maxLine < 0:
		f.maxLine = int(^uint(0) >> 1)
	}
	size, err := f.inspect()
	if err == nil && f.stream && m.read && m.write {
		err = ErrNotSeekable
	}
	if err != nil {
		h.Close()
		return nil, pathError("open", name, err)
	}
	if m.appending {
		f.pos = size
	}
	if o.Buffering == LineBuffered {
		f.byLine, f.bufSize = true, readBuffer
	}
	f.readAhead = o.Buffering != Unbuffered
	return f, nil
}

// inspect finds out what kind of file h is.
func (f *File) inspect() (size int64, err error) {
	f.now, _ = f.h.(nowReader)
	if sized, ok := f.h.(interface{ size() (int64, error) }); ok {
		if !f.mode.appending {
			return 0, nil // a regular file
		}
		return sized.size()
	}
	info, err := f.h.Stat()
	if err != nil {
		return 0, err
	}
	switch {
	case info.IsDir():
		return 0, syscall.EISDIR
	case info.Mode().IsRegular():
		return info.Size(), nil
	}
	f.stream = true
	if d, ok := f.h.(deadliner); ok && d.SetReadDeadline(time.Time{}) == nil {
		f.intr = d
	}
	return 0, nil
}

// Name is the name that was given to Open.
func (f *File) Name() string { return f.name }

// Mode is the mode that was given to Open.
func (f *File) Mode() string { return f.mode.given }

// Readable reports whether the file was opened for reading.
func (f *File) Readable() bool { return f.mode.read }

// Writable reports whether the file was opened for writing.
func (f *File) Writable() bool { return f.mode.write }

// Seekable reports whether the file has positions; pipes and terminals have none.
func (f *File) Seekable() bool { return !f.stream }

// Closed reports whether Close or Detach was called.
func (f *File) Closed() bool { return f.ending.Load() }

// Fd is the descriptor of the file, or -1 if it is closed or not of the machine's file
// system. It belongs to the file:
// its own offset is not used, and it must not be closed.
func (f *File) Fd() int {
	if h, ok := f.h.(interface{ Fd() uintptr }); ok && !f.ending.Load() {
		return int(h.Fd())
	}
	return -1
}

// fail makes err an error of this file. io.EOF stays as it is.
func (f *File) fail(op string, err error) error { return pathError(op, f.name, err) }

// usable returns why no call can be made on f, if so.
func (f *File) usable() error {
	if f.gone || f.ending.Load() {
		return fs.ErrClosed
	}
	if p := f.doubt.Load(); p != nil {
		return p
	}
	return nil
}

// Close hands what is buffered to the kernel and closes the file. It waits for the
// calls in flight; one that waits for a pipe or terminal is interrupted and returns
// [fs.ErrClosed], as do those that come later. The file is closed whatever the
// error is. Closing again does nothing and returns nil.
//
// Close uses the context of Open, whose end it outlives by a quarter of a second at most: after
// that it returns the cause, and the descriptor is closed when the device answers.
func (f *File) Close() error {
	if !f.ending.CompareAndSwap(false, true) {
		return nil
	}
	if f.intr != nil {
		f.interrupt()
	}
	ctx, cancel := outlive(f.ctx)
	defer cancel()
	err := f.turn.acquire(ctx)
	if err == nil {
		if err = f.flights.land(ctx); err != nil {
			f.turn.release()
		}
	}
	if err != nil {
		go func() { // a call in flight does not come back
			f.turn.acquire(context.Background())
			f.flights.land(context.Background())
			f.shut()
		}()
		return f.fail("close", err)
	}
	if f.intr != nil { // what interrupted the others must not stop the flush
		f.calm()
		defer context.AfterFunc(ctx, f.interrupt)()
		ctx = context.WithoutCancel(ctx)
	}
	if c, ok := f.h.(interface{ closesNow() bool }); ok && !f.mode.write && c.closesNow() {
		return f.fail("close", f.shut())
	}
	return f.fail("close", runSurely(ctx, f.lim, f.shut))
}

// shut flushes and closes. The caller has the turn and keeps it for good.
func (f *File) shut() error {
	var err error
	if f.doubt.Load() == nil {
		err = f.flush()
	}
	f.gone = true
	f.rbuf, f.wbuf, f.r, f.w = nil, nil, 0, 0
	closeErr := f.h.Close()
	f.turn.release() // those that queued see that it is closed
	return errors.Join(err, closeErr)
}

// interrupt ends what waits in a stream.
func (f *File) interrupt() {
	past := time.Unix(1, 0)
	f.intr.SetReadDeadline(past)
	f.intr.SetWriteDeadline(past)
}

// calm undoes interrupt.
func (f *File) calm() {
	f.intr.SetReadDeadline(time.Time{})
	f.intr.SetWriteDeadline(time.Time{})
}

// outlive returns a context that ends closeGrace after ctx has. If ctx never ends it is ctx.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(closeGrace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(longer, func() { t.Stop() })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}

// Detach flushes and gives the handle below the file away, still open: it is the
// caller's to close. Later calls on the file return [fs.ErrClosed]; closing it does
// nothing.
//
// Python: detach.
func (f *File) Detach(ctx context.Context) (h Handle, err error) {
	err = f.call(ctx, "detach", writeGrace, func(how how) error {
		if f.flights.n.Load() > 0 {
			return errors.New("positioned calls are in flight")
		}
		return f.settleWrites(how)
	}, func() {
		h, f.gone = f.h, true
		f.ending.Store(true)
	})
	return h, err
}

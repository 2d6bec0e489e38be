package multiprocessing

import (
	"net"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/quartet-go/quartet/internal/frame"
	"github.com/quartet-go/quartet/internal/proc"
)

// sent returns a connection from which the given bytes can be read, then its end.
func sent(t *testing.T, wire []byte) *net.UnixConn {
	t.Helper()
	conn, f, err := proc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	other, err := proc.Conn(f)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { conn.Close(); other.Close() })
	go func() { // what it is answered goes nowhere
		_, _ = other.Write(wire)
		_ = other.CloseWrite()
	}()
	return conn
}

func wire(h frame.Header, body any) []byte {
	b, ok := body.([]byte)
	if !ok && body != nil {
		b, _ = cbor.Marshal(body)
	}
	h.Len = uint64(len(b))
	return append(frame.Append(nil, h), b...)
}

func silentServer(conn *net.UnixConn) *server {
	s := &server{outlet: outlet{conn: conn}, in: frame.NewReader(&socket{UnixConn: conn}, 1<<20, closeFD)}
	s.more.L = &s.mu
	return s
}

// Whatever a worker answers at first, the parent gets an error or a worker.
func FuzzReady(f *testing.F) {
	hi := wire(frame.Header{Kind: frame.Start}, nil)
	f.Add([]byte{})
	f.Add(append(hi, wire(frame.Header{Kind: frame.Ready}, ready{Pid: 1, Functions: map[string]string{"f": "1"}})...))
	f.Add(append(hi, wire(frame.Header{Kind: frame.Ready}, ready{Failed: &failure{Type: "T", Message: "m", Matches: []string{"io.EOF"}}})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		conn := sent(t, b)
		w := newWorker(&Pool{opts: PoolOptions{Initializer: Call{fn: &function{name: "f"}}}}, 1)
		w.conn, w.in = conn, frame.NewReader(&socket{UnixConn: conn}, 1<<20, closeFD)
		if err := w.greet(-1); err == nil && w.functions == nil && len(b) < 2*frame.HeaderLen {
			t.Errorf("a worker out of %x", b)
		}
	})
}

// Whatever a parent says at first, the worker gets an error or serves.
func FuzzHello(f *testing.F) {
	f.Add([]byte{})
	f.Add(wire(frame.Header{Kind: frame.Hello}, hello{Worker: 1, Finalizer: &callBody{Function: "f"}}))
	f.Add(wire(frame.Header{Kind: frame.Hello, Descriptors: 1}, hello{Ledger: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := silentServer(sent(t, b))
		if err := s.greet(); err == nil && len(b) < frame.HeaderLen {
			t.Errorf("served out of %x", b)
		}
	})
}

// Whatever comes to a worker later, it is a call, an error, or nothing.
func FuzzCalls(f *testing.F) {
	call := frame.AppendCall(nil, "no such function", 2)
	f.Add(wire(frame.Header{Kind: frame.Call, Task: 1, Codec: 1}, append(call, 3)))
	f.Add(wire(frame.Header{Kind: frame.Call, Task: 1, Flags: frame.Beside}, frame.AppendSlot(call, frame.Slot{ID: 1, Size: 10, Len: 10})))
	f.Add(append(wire(frame.Header{Kind: frame.Recall, Task: 1}, nil), wire(frame.Header{Kind: frame.Release, Task: 1}, nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := silentServer(sent(t, b))
		for {
			got, err := s.in.Next()
			if err != nil || s.take(got) != nil {
				break
			}
		}
		for _, c := range s.queue {
			if c.fn != nil {
				t.Errorf("function %q out of %x", c.fn.name, b)
			}
		}
		s.views.close()
	})
}

// Whatever a worker answers later, its one task has at most one outcome, and the
// parent lives.
func FuzzAnswers(f *testing.F) {
	value := []byte{3, 1, 0, 0, 0, 0, 0, 0, 0}
	f.Add(wire(frame.Header{Kind: frame.Result, Task: 1, Codec: 1}, value))
	f.Add(append(wire(frame.Header{Kind: frame.Fail, Task: 1, Flags: frame.Retire}, failure{Message: "m"}), wire(frame.Header{Kind: frame.Result, Task: 1}, nil)...))
	f.Add(wire(frame.Header{Kind: frame.Result, Task: 1, Flags: frame.Beside, Codec: 3}, frame.AppendSlot(nil, frame.Slot{Size: 10, Len: 10})))
	f.Add(wire(frame.Header{Kind: frame.Return, Task: 1}, nil))
	fn := Func[int, int]{fn: &function{name: "f"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		conn := sent(t, b)
		p := &Pool{state: poolClosing, ended: make(chan struct{}), knowers: map[uint64]map[*worker]bool{}, open: 1, starting: 1, size: 1}
		p.opts.MinWorkers = 0
		w := newWorker(p, 1)
		w.conn, w.in = conn, frame.NewReader(&socket{UnixConn: conn}, 1<<20, closeFD)
		w.child = &child{Child: &proc.Child{}}
		w.begun, w.reading = 1, true
		s := newSingle[int, int](p, fn, 1)
		s.pooled = pooled{id: 1, inside: true, worker: w}
		w.queue = []*Task{&s.Task}
		outcomes := 0
		for {
			got, err := w.in.Next()
			if err != nil {
				break
			}
			before := s.Ready()
			if _, err := w.handle(got); err != nil {
				break
			}
			if s.Ready() != before {
				outcomes++
			}
		}
		if outcomes > 1 {
			t.Errorf("%d outcomes out of %x", outcomes, b)
		}
		w.views.close()
		if w.exitTimer != nil {
			w.exitTimer.Stop()
		}
	})
}

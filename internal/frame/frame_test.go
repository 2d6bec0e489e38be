package frame_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/quartet-go/quartet/internal/frame"
)

// stream is a source of fixed bytes, read in pieces, with descriptors at offsets.
type stream struct {
	data  []byte
	piece func() int
	fds   []int // all come with the first piece
}

func (s *stream) Recv(p []byte) (int, []int, error) {
	if len(s.data) == 0 {
		return 0, nil, io.EOF
	}
	n := copy(p, s.data[:min(len(s.data), max(1, s.piece()))])
	s.data = s.data[n:]
	fds := s.fds
	s.fds = nil
	return n, fds, nil
}

func whole() int { return 1 << 30 }

func build(h frame.Header, body []byte) []byte {
	h.Len = uint64(len(body))
	return append(frame.Append(nil, h), body...)
}

func TestReaderReturnsWhatWasWritten(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	var wire []byte
	var want []frame.Frame
	for i := range 200 {
		body := make([]byte, rnd.IntN(3000))
		if i%50 == 0 {
			body = make([]byte, 300_000)
		}
		for j := range body {
			body[j] = byte(rnd.Uint32())
		}
		h := frame.Header{Kind: frame.Kind(i%11 + 1), Codec: byte(i), Flags: frame.Flags(i), Task: rnd.Uint64(), Aux: rnd.Uint64()}
		wire = append(wire, build(h, body)...)
		h.Len = uint64(len(body))
		want = append(want, frame.Frame{Header: h, Body: body})
	}
	for name, piece := range map[string]func() int{
		"whole":  whole,
		"pieces": func() int { return rnd.IntN(5000) },
		"bytes":  func() int { return 1 },
	} {
		t.Run(name, func(t *testing.T) {
			r := frame.NewReader(&stream{data: wire, piece: piece}, 1<<20, nil)
			for i, w := range want {
				got, err := r.Next()
				if err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				if d := cmp.Diff(w, got, cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) })); d != "" {
					t.Fatalf("frame %d (-want +got):\n%s", i, d)
				}
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("after the last frame: %v, want EOF", err)
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	good := build(frame.Header{Kind: frame.Call, Task: 7}, []byte("hello"))
	change := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	for _, tt := range []struct {
		name string
		wire []byte
		want error
	}{
		{"magic", change(0, 'X'), frame.ErrMagic},
		{"version", change(1, 9), frame.ErrVersion},
		{"length", change(22, 1), frame.ErrTooLarge},
		{"half a header", good[:20], io.ErrUnexpectedEOF},
		{"half a body", good[:len(good)-1], io.ErrUnexpectedEOF},
		{"too many descriptors", change(7, 1), frame.ErrDescriptors},
		{"missing descriptor", change(6, 1), frame.ErrDescriptors},
		{"nothing", nil, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := frame.NewReader(&stream{data: tt.wire, piece: whole}, 1<<20, nil).Next()
			if !errors.Is(err, tt.want) {
				t.Errorf("Next() = %v, want %v", err, tt.want)
			}
		})
	}
}

// A length that a header claims costs no memory before the bytes are there.
func TestReaderDoesNotTrustLengths(t *testing.T) {
	wire := frame.Append(nil, frame.Header{Kind: frame.Call, Len: 1 << 40})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := frame.NewReader(&stream{data: wire, piece: whole}, 1<<50, nil).Next()
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Next() = %v, want unexpected EOF", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d bytes for a header that claims 1 TiB", got)
	}
}

func TestReaderHandsOutDescriptorsInOrder(t *testing.T) {
	t.Parallel()
	wire := build(frame.Header{Kind: frame.Call, Descriptors: 2}, nil)
	wire = append(wire, build(frame.Header{Kind: frame.Call}, nil)...)
	wire = append(wire, build(frame.Header{Kind: frame.Call, Descriptors: 1}, nil)...)
	var closed []int
	r := frame.NewReader(&stream{data: wire, piece: whole, fds: []int{5, 6, 7, 8}}, 1, func(fd int) { closed = append(closed, fd) })
	var got [][]int
	for range 3 {
		f, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f.FDs)
	}
	if d := cmp.Diff([][]int{{5, 6}, nil, {7}}, got); d != "" {
		t.Errorf("descriptors (-want +got):\n%s", d)
	}
	r.Close()
	if d := cmp.Diff([]int{8}, closed); d != "" {
		t.Errorf("closed (-want +got):\n%s", d)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	name, items, data, err := frame.ParseCall(append(frame.AppendCall(nil, "main.f", 3), "arg"...))
	if string(name) != "main.f" || items != 3 || string(data) != "arg" || err != nil {
		t.Errorf("ParseCall = %q %d %q %v", name, items, data, err)
	}
	want := frame.Slot{ID: 1, Size: 100, Offset: 20, Len: 80}
	got, err := frame.ParseSlot(frame.AppendSlot(nil, want))
	if got != want || err != nil {
		t.Errorf("ParseSlot = %v %v", got, err)
	}
	want.Len++
	if _, err := frame.ParseSlot(frame.AppendSlot(nil, want)); !errors.Is(err, frame.ErrBody) {
		t.Errorf("slot beyond its memory: %v", err)
	}
	for _, b := range [][]byte{nil, {1, 2, 3}, {0, 0, 0, 0, 9, 0, 'x'}} {
		if _, _, _, err := frame.ParseCall(b); !errors.Is(err, frame.ErrBody) {
			t.Errorf("ParseCall(%v) = %v", b, err)
		}
	}
}

// What parses is written again as the same bytes, and nothing panics.
func FuzzReader(f *testing.F) {
	f.Add([]byte{}, byte(3))
	f.Add(build(frame.Header{Kind: frame.Call, Task: 7}, frame.AppendCall(nil, "main.f", 2)), byte(1))
	f.Add(build(frame.Header{Kind: frame.Result, Flags: frame.Beside}, frame.AppendSlot(nil, frame.Slot{Size: 5, Len: 5})), byte(200))
	f.Fuzz(func(t *testing.T, wire []byte, piece byte) {
		r := frame.NewReader(&stream{data: wire, piece: func() int { return int(piece) }}, 1<<16, nil)
		rest := wire
		for {
			got, err := r.Next()
			if err != nil {
				return
			}
			again := append(frame.Append(nil, got.Header), got.Body...)
			if !bytes.HasPrefix(rest, again) {
				t.Fatalf("read %x, wrote %x", rest[:min(len(rest), len(again))], again)
			}
			rest = rest[len(again):]
			if name, items, data, err := frame.ParseCall(got.Body); err == nil {
				if b := append(frame.AppendCall(nil, string(name), items), data...); !bytes.Equal(b, got.Body) {
					t.Fatalf("call %x, wrote %x", got.Body, b)
				}
			}
			if s, err := frame.ParseSlot(got.Body); err == nil {
				if b := frame.AppendSlot(nil, s); !bytes.Equal(b, got.Body) {
					t.Fatalf("slot %x, wrote %x", got.Body, b)
				}
			}
		}
	})
}

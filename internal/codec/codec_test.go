package codec_test

import (
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/quartet-go/quartet/internal/codec"
)

type color int

type inner struct{ N int }

type point struct {
	X, Y  float64
	Name  string `json:"name,omitempty"`
	Tags  []string
	Meta  map[string]int
	Next  *point
	Raw   []byte
	Grid  [2][3]int8
	Hash  [4]byte
	When  time.Time
	Addr  netip.Addr
	Color color
	Big   *big.Int
	URL   *url.URL
	inner
}

func roundTrip[T any](t *testing.T, values ...T) {
	t.Helper()
	for _, v := range values {
		if err := codec.Check(reflect.TypeFor[T]()); err != nil {
			t.Errorf("Check: %v", err)
		}
		id, b, err := codec.Append([]byte("before"), v)
		if err != nil {
			t.Errorf("Append(%#v): %v", v, err)
			continue
		}
		if n := codec.Size(&v); n != 0 && n != len(b)-len("before") && id == codec.Basic && len(b) > len("before")+1 {
			t.Errorf("Size(%T) = %d, appended %d", v, n, len(b)-len("before"))
		}
		got, err := codec.Decode[T](id, b[len("before"):])
		if err != nil {
			t.Errorf("Decode of %#v: %v", v, err)
			continue
		}
		if d := cmp.Diff(v, got, cmp.AllowUnexported(point{}, big.Int{}), cmpopts.EquateNaNs(),
			cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%T (-sent +arrived):\n%s", v, d)
		}
	}
}

func TestWhatArrivesEqualsWhatWasSent(t *testing.T) {
	t.Parallel()
	roundTrip(t, struct{}{})
	roundTrip(t, true, false)
	roundTrip(t, 0, -1, math.MaxInt, math.MinInt)
	roundTrip(t, int64(math.MinInt64))
	roundTrip(t, uint(7))
	roundTrip(t, uint64(math.MaxUint64))
	roundTrip(t, int8(-3))
	roundTrip(t, 1.5, math.Inf(1), math.NaN(), math.Copysign(0, -1))
	roundTrip(t, float32(1.1))
	roundTrip(t, "", "héllo", "\xff not UTF-8")
	roundTrip(t, nil, []byte{}, []byte("x"))
	roundTrip(t, nil, []int{}, []int{1, -2, 3})
	roundTrip(t, nil, []int64{}, []int64{1, -2})
	roundTrip(t, nil, []float64{}, []float64{1, math.NaN()})
	roundTrip(t, nil, []string{}, []string{"", "a", strings.Repeat("b", 1000)})
	roundTrip(t, nil, []struct{}{}, make([]struct{}, 3))
	roundTrip(t, color(3))
	roundTrip(t, [][]int{nil, {}, {1}})
	roundTrip(t, map[int][]string{1: {"a"}, 2: nil})
	roundTrip(t, map[string]*int{"nil": nil, "one": new(1)})
	roundTrip(t, (*int)(nil), new(5))
	when := time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.FixedZone("", 3600))
	roundTrip(t, when)
	roundTrip(t, point{}, point{
		X: 1, Y: math.Inf(-1), Name: "p", Tags: []string{}, Meta: map[string]int{"a": 1},
		Next: &point{Name: "q"}, Raw: []byte{1}, Grid: [2][3]int8{{1, 2, 3}}, Hash: [4]byte{9},
		When: when, Addr: netip.MustParseAddr("::1"), Color: 2,
		Big: new(big.Int).Lsh(big.NewInt(1), 100), URL: &url.URL{Scheme: "http", Host: "h"}, inner: inner{4},
	})
	roundTrip(t, make([]inner, 200_000)) // more elements than CBOR decoders allow by default
}

type job struct {
	ID    int
	cache map[string]int
}

type halfway struct{ N int }

func (halfway) MarshalBinary() ([]byte, error) { return nil, nil }

type whole struct{ n int }

func (w whole) MarshalBinary() ([]byte, error) { return []byte{byte(w.n)}, nil }
func (w *whole) UnmarshalBinary(b []byte) error {
	w.n = int(b[0])
	return nil
}

type a struct{ X int }

type b struct{ X int }

func TestCheckNamesWhatWouldBeLost(t *testing.T) {
	t.Parallel()
	_ = job{cache: nil}
	for _, tt := range []struct {
		t    reflect.Type
		want string
	}{
		{reflect.TypeFor[job](), "codec_test.job.cache: unexported"},
		{reflect.TypeFor[map[string][]job](), "map[string][]codec_test.job[][].cache: unexported"},
		{reflect.TypeFor[chan int](), "chan int: chan"},
		{reflect.TypeFor[func()](), "func(): func"},
		{reflect.TypeFor[struct{ V any }](), "V: interface interface {}"},
		{reflect.TypeFor[struct{ E error }](), "E: interface error"},
		{reflect.TypeFor[**int](), "pointer to what may be nil itself"},
		{reflect.TypeFor[*[]int](), "pointer to what may be nil itself"},
		{reflect.TypeFor[complex128](), "complex128"},
		{reflect.TypeFor[uintptr](), "uintptr"},
		{reflect.TypeFor[struct {
			S string `json:"-"`
		}](), "S: left out by its tag"},
		{reflect.TypeFor[halfway](), "has MarshalBinary but no UnmarshalBinary"},
		{reflect.TypeFor[struct {
			a
			b
		}](), `has the name "X"`},
		{reflect.TypeFor[struct {
			A int `cbor:"x"`
			B int `cbor:"x"`
		}](), `has the name "x"`},
		{reflect.TypeFor[struct{ *inner }](), "inner: embedded, unexported"},
	} {
		err := codec.Check(tt.t)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Check(%v) = %v, want %q in it", tt.t, err, tt.want)
		}
	}
	roundTripWhole, err := codec.Decode[whole](codec.CBOR, []byte{0x41, 5})
	if err != nil || roundTripWhole.n != 5 {
		t.Errorf("own rule: %v %v", roundTripWhole, err)
	}
}

type node struct{ Next *node }

func TestCycleIsAnError(t *testing.T) {
	t.Parallel()
	n := &node{}
	n.Next = n
	if _, _, err := codec.Append(nil, n); !errors.Is(err, codec.ErrCycle) {
		t.Errorf("Append of a cycle = %v, want ErrCycle", err)
	}
	roundTrip(t, &node{Next: &node{}})
}

type panics struct{ n int }

func (panics) MarshalBinary() ([]byte, error)  { panic("no") }
func (*panics) UnmarshalBinary(b []byte) error { panic("never") }

func TestPanicsAreErrors(t *testing.T) {
	t.Parallel()
	if _, _, err := codec.Append(nil, panics{1}); err == nil {
		t.Error("Append: no error")
	}
	if _, err := codec.Decode[panics](codec.CBOR, []byte{0x40}); err == nil {
		t.Error("Decode: no error")
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	if _, err := codec.Decode[int](9, nil); !errors.Is(err, codec.ErrUnknown) {
		t.Errorf("codec 9: %v", err)
	}
	_, text, _ := codec.Append(nil, "12345678")
	if _, err := codec.Decode[int](codec.Basic, text); !errors.Is(err, codec.ErrMismatch) {
		t.Errorf("string as int: %v", err)
	}
	if _, err := codec.Decode[point](codec.Basic, text); !errors.Is(err, codec.ErrMismatch) {
		t.Errorf("string as struct: %v", err)
	}
	if _, err := codec.Decode[point](codec.CBOR, []byte{0xff}); err == nil {
		t.Error("bad CBOR: no error")
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	type x struct{ A, B int }
	type y struct{ A, B int }
	type z struct{ A, C int }
	same := func(p, q reflect.Type) bool { return codec.Describe(p) == codec.Describe(q) }
	if !same(reflect.TypeFor[x](), reflect.TypeFor[y]()) {
		t.Error("equal structs differ")
	}
	if same(reflect.TypeFor[x](), reflect.TypeFor[z]()) || same(reflect.TypeFor[int](), reflect.TypeFor[string]()) {
		t.Error("different types are equal")
	}
	if got, want := codec.Describe(reflect.TypeFor[*node]()), `*{Next "" "" ^2;}`; got != want {
		t.Errorf("Describe(*node) = %s, want %s", got, want)
	}
}

// Bytes of any kind give a value or an error.
func FuzzDecode(f *testing.F) {
	seed := func(id codec.ID, b []byte, _ error) { f.Add(byte(id), b) }
	seed(codec.Append(nil, 5))
	seed(codec.Append(nil, []int{1, 2}))
	seed(codec.Append(nil, []string{"a", "b"}))
	seed(codec.Append(nil, point{Next: &point{}}))
	f.Fuzz(func(t *testing.T, id byte, b []byte) {
		refuse[int](t, id, b)
		refuse[bool](t, id, b)
		refuse[string](t, id, b)
		refuse[[]byte](t, id, b)
		refuse[[]int](t, id, b)
		refuse[[]string](t, id, b)
		_, _ = codec.Decode[point](codec.ID(id), b)
		_, _ = codec.Decode[map[string][]node](codec.ID(id), b)
	})
}

// refuse checks that basic bytes that decode are written again as they were.
func refuse[T any](t *testing.T, id byte, b []byte) {
	v, err := codec.Decode[T](codec.ID(id), b)
	if err != nil || codec.ID(id) != codec.Basic {
		return
	}
	if _, again, err := codec.Append(nil, v); err != nil || string(again) != string(b) {
		t.Fatalf("%T: read %x, wrote %x, %v", v, b, again, err)
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	bench(b, "int", 5)
	bench(b, "struct", point{X: 1, Name: "p"})
	bench(b, "ints=1000", make([]int, 1000))
}

func bench[T any](b *testing.B, name string, v T) {
	b.Run("type="+name, func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			id, out, err := codec.Append(buf[:0], v)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := codec.Decode[T](id, out); err != nil {
				b.Fatal(err)
			}
			buf = out
		}
	})
}

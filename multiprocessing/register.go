package multiprocessing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"

	"github.com/quartet-go/quartet/internal/codec"
	"github.com/quartet-go/quartet/internal/frame"
)

// Func is a function that child processes can run, as [Register] returns it.
// The zero Func is of no use: calls with it panic.
type Func[In, Out any] struct {
	fn *function
	f  func(context.Context, In) (Out, error)
}

// Name returns the name by which parent and child mean the same function: the
// import path of the package that registered it, a dot, and the given name.
func (f Func[In, Out]) Name() string { return f.fn.name }

// String returns the name.
func (f Func[In, Out]) String() string {
	if f.fn == nil {
		return "<unregistered>"
	}
	return f.fn.name
}

// With returns f together with an argument, to be called later, as
// [PoolOptions].Initializer is. in is encoded at once.
//
// Python: functools.partial, where initializer and initargs are two arguments.
func (f Func[In, Out]) With(in In) Call {
	id, arg, err := codec.Append(nil, in)
	return Call{fn: f.fn, codec: id, arg: arg, err: err}
}

// Call is a registered function together with its argument; [Func.With] makes one.
type Call struct {
	fn    *function
	codec codec.ID
	arg   []byte
	err   error // of encoding the argument
	after *Call // what undoes it; may be nil
}

// Args2 holds the two arguments of a function that [Register2] registered.
type Args2[A, B any] struct {
	A A
	B B
}

// Args3 holds the three arguments of a function that [Register3] registered.
type Args3[A, B, C any] struct {
	A A
	B B
	C C
}

// Args is what [Starmap] takes apart: several arguments in one value.
type Args interface{ several() }

func (Args2[A, B]) several()    {}
func (Args3[A, B, C]) several() {}

// Of2 returns the arguments a and b as one value.
func Of2[A, B any](a A, b B) Args2[A, B] { return Args2[A, B]{A: a, B: b} }

// Of3 returns the arguments a, b and c as one value.
func Of3[A, B, C any](a A, b B, c C) Args3[A, B, C] { return Args3[A, B, C]{A: a, B: b, C: c} }

// Register makes f known to parent and children under name and returns the
// handle that calls go by. Call it at package level, so that it runs in both:
//
//	var square = multiprocessing.Register("square", func(ctx context.Context, n int) (int, error) {
//		return n * n, nil
//	})
//
// The name is completed by the import path of the calling package. Values of In
// and Out travel between processes: what arrives equals what was sent. Register
// panics with the path of the first part that would be lost on the way, such as
// main.Job.cache: unexported, and if f is nil or the name is taken.
//
// ctx ends when the task is cancelled or its time is over. An error or a panic of
// f becomes a [*RemoteError].
//
// Python: none; functions travel by name there, and the guard
// if __name__ == '__main__' stands where [Main] does here.
func Register[In, Out any](name string, f func(ctx context.Context, in In) (Out, error)) Func[In, Out] {
	return register(name, f, f == nil)
}

// Register2 is [Register] for a function of two arguments.
func Register2[A, B, Out any](name string, f func(ctx context.Context, a A, b B) (Out, error)) Func[Args2[A, B], Out] {
	return register(name, func(ctx context.Context, in Args2[A, B]) (Out, error) { return f(ctx, in.A, in.B) }, f == nil)
}

// Register3 is [Register] for a function of three arguments.
func Register3[A, B, C, Out any](name string, f func(ctx context.Context, a A, b B, c C) (Out, error)) Func[Args3[A, B, C], Out] {
	return register(name, func(ctx context.Context, in Args3[A, B, C]) (Out, error) { return f(ctx, in.A, in.B, in.C) }, f == nil)
}

// function is a registered function without its types.
type function struct {
	name   string
	digest string // of the types of its argument and result
	// run decodes an argument, or items of them where items > 0, runs the
	// function, and encodes what it returned, in one of the slots or after dst. at
	// is set to the index of the item that runs.
	run func(ctx context.Context, arg payload, items int, at *int, dst []byte, s *slots) (payload, error)
}

// call runs the function with one argument, for what it does and not for its result.
func (fn *function) call(id codec.ID, arg []byte) error {
	var at int
	_, err := fn.run(context.Background(), payload{codec: id, data: arg}, 0, &at, nil, nil)
	return err
}

// functions is the registry: filled while packages are initialised, read after.
var functions struct {
	mu sync.RWMutex // guards following
	m  map[string]*function
}

func register[In, Out any](name string, f func(context.Context, In) (Out, error), isNil bool) Func[In, Out] {
	fn := &function{name: callerPackage() + "." + name, run: caller(f)}
	fn.register(isNil, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	return Func[In, Out]{fn: fn, f: f}
}

func (fn *function) register(isNil bool, in, out reflect.Type) {
	if isNil {
		panic(fmt.Sprintf("multiprocessing: Register(%q): nil function", fn.name))
	}
	if len(fn.name) > frame.MaxName {
		panic(fmt.Sprintf("multiprocessing: Register: name of %d bytes, longest is %d", len(fn.name), frame.MaxName))
	}
	for _, t := range []reflect.Type{in, out} {
		if err := codec.Check(t); err != nil {
			panic(fmt.Sprintf("multiprocessing: Register(%q): %v", fn.name, err))
		}
	}
	sum := sha256.Sum256([]byte(codec.Describe(in) + " -> " + codec.Describe(out)))
	fn.digest = hex.EncodeToString(sum[:8])

	functions.mu.Lock()
	defer functions.mu.Unlock()
	if functions.m[fn.name] != nil {
		panic(fmt.Sprintf("multiprocessing: Register(%q): name taken", fn.name))
	}
	if functions.m == nil {
		functions.m = map[string]*function{}
	}
	functions.m[fn.name] = fn
}

// lookup returns the function of that name, or nil.
func lookup(name []byte) *function {
	functions.mu.RLock()
	defer functions.mu.RUnlock()
	return functions.m[string(name)]
}

// digests returns the digest of each function by name.
func digests() map[string]string {
	functions.mu.RLock()
	defer functions.mu.RUnlock()
	m := make(map[string]string, len(functions.m))
	for name, fn := range functions.m {
		m[name] = fn.digest
	}
	return m
}

func caller[In, Out any](f func(context.Context, In) (Out, error)) func(context.Context, payload, int, *int, []byte, *slots) (payload, error) {
	return func(ctx context.Context, arg payload, items int, at *int, dst []byte, s *slots) (payload, error) {
		if items > 0 {
			return callChunk(ctx, f, arg, items, at, dst, s)
		}
		in, err := decode[In](arg)
		if err != nil {
			return payload{}, &encodingError{"argument", err}
		}
		out, err := f(ctx, in)
		if err != nil {
			return payload{}, err
		}
		return encodeResult(out, dst, s)
	}
}

func callChunk[In, Out any](ctx context.Context, f func(context.Context, In) (Out, error), arg payload, items int, at *int, dst []byte, s *slots) (payload, error) {
	in, err := decode[[]In](arg)
	if err == nil && len(in) != items {
		err = fmt.Errorf("%d items, want %d", len(in), items)
	}
	if err != nil {
		return payload{}, &encodingError{"argument", err}
	}
	out := make([]Out, len(in))
	for i := range in {
		*at = i
		if out[i], err = f(ctx, in[i]); err != nil {
			return payload{}, err
		}
	}
	return encodeResult(out, dst, s)
}

func encodeResult[T any](v T, dst []byte, s *slots) (payload, error) {
	out, err := encode(v, dst, s)
	if err != nil {
		return payload{}, &encodingError{"result", err}
	}
	return out, nil
}

// encodingError is the error of a task whose argument or result could not travel.
type encodingError struct {
	what string
	err  error
}

func (e *encodingError) Error() string { return e.what + ": " + e.err.Error() }
func (e *encodingError) Unwrap() []error {
	return []error{ErrEncoding, e.err}
}

// callerPackage returns the import path of the package that calls Register.
func callerPackage() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		pkg := packageOf(f.Function)
		if generic := strings.HasPrefix(f.Function, ownPackage+".register") ||
			strings.HasPrefix(f.Function, ownPackage+".Register"); !generic {
			return pkg
		}
		if !more {
			return pkg
		}
	}
}

var ownPackage = reflect.TypeFor[function]().PkgPath()

// packageOf cuts an import path from the full name of a function in it.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	pkg, _, _ := strings.Cut(function[slash:], ".")
	return strings.ReplaceAll(function[:slash]+pkg, "%2e", ".")
}

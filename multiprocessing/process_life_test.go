package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// recursion starts two processes, each of which starts two, down to depth 0.
var recursion multiprocessing.Func[int, none]

func init() {
	recursion = multiprocessing.Register("recursion", func(ctx context.Context, depth int) (none, error) {
		fmt.Println(multiprocessing.CurrentProcess().Name)
		for range 2 * min(depth, 1) {
			p := multiprocessing.NewProcess(recursion, depth-1, nil)
			if err := p.Start(); err != nil {
				return none{}, err
			}
			if err := p.Join(ctx); err != nil {
				return none{}, err
			}
			if code, err := p.ExitCode(); code != 0 || err != nil {
				return none{}, fmt.Errorf("exit code %d, %w", code, err)
			}
		}
		return none{}, nil
	})
}

func TestRecursion(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := start(t, multiprocessing.NewProcess(recursion, 2, &multiprocessing.ProcessOptions{Stdout: &out}))
	if got := join(t, p); got != 0 {
		t.Errorf("exit code %d", got)
	}
	var want strings.Builder
	for _, path := range []string{"", ":1", ":1:1", ":1:2", ":2", ":2:1", ":2:2"} {
		want.WriteString(p.Name() + path + "\n")
	}
	if got := out.String(); got != want.String() {
		t.Errorf("processes\n%swant\n%s", got, want.String())
	}
}

// endsOthers leaves a daemon running, and one that is not.
var endsOthers = multiprocessing.Register("endsOthers", func(ctx context.Context, _ none) (none, error) {
	daemon := multiprocessing.NewProcess(forever, none{}, &multiprocessing.ProcessOptions{Daemon: new(true)})
	other := multiprocessing.NewProcess(printsLate, "joined", nil)
	return none{}, errors.Join(daemon.Start(), other.Start())
})

func TestProcessEndsItsDaemonsAndJoinsTheOthers(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := start(t, multiprocessing.NewProcess(endsOthers, none{}, &multiprocessing.ProcessOptions{Stdout: &out}))
	if got := join(t, p); got != 0 || out.String() != "joined\n" {
		t.Errorf("exit code %d, printed %q, want joined", got, out.String())
	}
}

var leavesGoroutine = multiprocessing.Register("leavesGoroutine", func(context.Context, none) (none, error) {
	go func() { select {} }()
	return none{}, nil
})

// A process ends when its target returns, unlike in Python, where it waits for threads.
func TestGoroutinesEndWithTheTarget(t *testing.T) {
	t.Parallel()
	if got := join(t, start(t, multiprocessing.NewProcess(leavesGoroutine, none{}, nil))); got != 0 {
		t.Errorf("exit code %d", got)
	}
}

var goexits = multiprocessing.Register("goexits", func(context.Context, none) (none, error) {
	runtime.Goexit()
	return none{}, nil
})

// A target that ends its goroutine instead of returning has not succeeded.
func TestGoexit(t *testing.T) {
	t.Parallel()
	if got := join(t, start(t, multiprocessing.NewProcess(goexits, none{}, nil))); got != 1 {
		t.Errorf("exit code %d, want 1", got)
	}
}

var copiesInput = multiprocessing.Register("copiesInput", func(context.Context, none) (none, error) {
	_, err := io.Copy(os.Stdout, os.Stdin)
	return none{}, err
})

func TestStdin(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fmt.Fprint(w, "some input")
	w.Close()
	for want, stdin := range map[string]*os.File{"": nil, "some input": r} {
		var out strings.Builder
		join(t, start(t, multiprocessing.NewProcess(copiesInput, none{}, &multiprocessing.ProcessOptions{Stdin: stdin, Stdout: &out})))
		if got := out.String(); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
}

type named struct {
	Hello int
	Bye   float64
	List  []string
}

var takesNamed = multiprocessing.Register("takesNamed", func(_ context.Context, n named) (none, error) {
	fmt.Printf("%+v\n", n)
	return none{}, nil
})

var takesThree = multiprocessing.Register3("takesThree", func(_ context.Context, a int, b string, c []byte) (none, error) {
	fmt.Println(a, b, len(c))
	return none{}, nil
})

func TestArguments(t *testing.T) {
	t.Parallel()
	large := make([]byte, 8<<20) // more than the socket holds
	var out strings.Builder
	o := &multiprocessing.ProcessOptions{Stdout: &out}
	join(t, start(t, multiprocessing.NewProcess(takesNamed, named{23, 2.54, []string{"a"}}, o)))
	join(t, start(t, multiprocessing.NewProcess(takesThree, multiprocessing.Of3(1, "two", large), o)))
	if got, want := out.String(), "{Hello:23 Bye:2.54 List:[a]}\n1 two 8388608\n"; got != want {
		t.Errorf("printed %s, want %s", got, want)
	}
}

func TestDaemonByDefault(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]*multiprocessing.ProcessOptions{
		"false": {}, "true": {Daemon: new(true)}, "false ": {Daemon: new(false)},
	} {
		if got := multiprocessing.NewProcess(nothing, none{}, o).Daemon(); fmt.Sprint(got) != strings.TrimSpace(want) {
			t.Errorf("%+v: Daemon() = %v", o, got)
		}
	}
}

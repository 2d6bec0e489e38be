package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var hello = multiprocessing.Register("hello", func(_ context.Context, name string) (none, error) {
	fmt.Println("hello", name)
	return none{}, nil
})

func ExampleProcess() {
	p := multiprocessing.NewProcess(hello, "bob", nil)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Join(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(p.ExitCode())
	// Output:
	// hello bob
	// 0 <nil>
}

func ExampleProcessOptions() {
	p := multiprocessing.NewProcess(hello, "bob", &multiprocessing.ProcessOptions{
		Name:   "greeter",
		Daemon: new(true),
		Stdout: os.Stderr,
	})
	fmt.Println(p.Name(), p.Daemon())
	// Output: greeter true
}

func ExampleProcess_Kill() {
	p := multiprocessing.NewProcess(forever, none{}, nil)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := p.Join(ctx); errors.Is(err, context.DeadlineExceeded) {
		fmt.Println("too slow")
		_ = p.Kill()
	}
	_ = p.Join(context.Background())
	fmt.Println(p.ExitCode())
	// Output:
	// too slow
	// -9 <nil>
}

func ExampleProcesses() {
	var ps multiprocessing.Processes
	for range 2 {
		ps = append(ps, multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Name: "p"}))
	}
	fmt.Println(strings.ReplaceAll(ps.String(), fmt.Sprint(os.Getpid()), "N"))
	// Output: [<Process name='p' parent=N initial>, <Process name='p' parent=N initial>]
}

func ExampleExitError() {
	p := multiprocessing.NewProcess(exits, 7, nil)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Join(context.Background())
	fmt.Println(p.ExitCode())
	// Output: 7 <nil>
}

func ExampleWait() {
	slow := multiprocessing.NewProcess(forever, none{}, &multiprocessing.ProcessOptions{Name: "slow"})
	fast := multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Name: "fast"})
	if err := errors.Join(slow.Start(), fast.Start()); err != nil {
		fmt.Println(err)
		return
	}
	ended, err := multiprocessing.Wait(context.Background(), slow, fast)
	for _, p := range ended {
		fmt.Println(p.Name(), err)
	}
	_ = slow.Kill()
	_ = slow.Join(context.Background())
	// Output: fast <nil>
}

// Processes and what else can end may be waited for together.
func ExampleWaitable() {
	p := multiprocessing.NewProcess(nothing, none{}, &multiprocessing.ProcessOptions{Name: "fast"})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	ended, err := multiprocessing.Wait[multiprocessing.Waitable](context.Background(), p)
	fmt.Println(len(ended), err)
	// Output: 1 <nil>
}

var introduce = multiprocessing.Register("introduce", func(context.Context, none) (none, error) {
	me, parent := multiprocessing.CurrentProcess(), multiprocessing.ParentProcess()
	fmt.Println(me.Name, "is a child of", parent.Name)
	return none{}, nil
})

func ExampleProcessInfo() {
	fmt.Println(multiprocessing.CurrentProcess())
	// Output: <_MainProcess name='MainProcess' parent=None started>
}

func ExampleParentInfo() {
	p := multiprocessing.NewProcess(introduce, none{}, &multiprocessing.ProcessOptions{Name: "me"})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Join(context.Background())
	// Output: me is a child of MainProcess
}

func ExampleWarm() {
	stock, err := multiprocessing.NewWarm(2, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stock.Close()
	p := multiprocessing.NewProcess(hello, "from a warm process", &multiprocessing.ProcessOptions{Start: stock})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Join(context.Background())
	// Output: hello from a warm process
}

func ExampleWarmOptions() {
	stock, err := multiprocessing.NewWarm(2, &multiprocessing.WarmOptions{Command: []string{"/does/not/exist"}})
	fmt.Println(stock == nil, errors.Is(err, os.ErrNotExist))
	// Output: true true
}

func ExampleProcess_OutOfMemory() {
	p := multiprocessing.NewProcess(fills, 1024, &multiprocessing.ProcessOptions{Memory: 64 << 20, Stderr: io.Discard})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Join(context.Background())
	fmt.Println(p.OutOfMemory())
	// Output: true
}

func ExampleStartMethod() {
	p := multiprocessing.NewProcess(hello, "from anywhere", &multiprocessing.ProcessOptions{Start: multiprocessing.Spawn})
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return
	}
	_ = p.Join(context.Background())
	// Output: hello from anywhere
}

package multiprocessing_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

// introduces prints what a child knows of itself.
var introduces = multiprocessing.Register("introduces", func(context.Context, none) (none, error) {
	me, parent := multiprocessing.CurrentProcess(), multiprocessing.ParentProcess()
	fmt.Println(me)
	fmt.Println(parent, parent.Pid == os.Getppid(), parent.IsAlive(), me.Pid == os.Getpid())
	return none{}, nil
})

func TestCurrentAndParentProcess(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := start(t, multiprocessing.NewProcess(introduces, none{}, &multiprocessing.ProcessOptions{
		Name: "me", Daemon: new(true), Stdout: &out,
	}))
	join(t, p)
	want := fmt.Sprintf("<Process name='me' parent=%d started daemon>\n<_ParentProcess name='MainProcess' started> true true true\n", os.Getpid())
	if got := out.String(); got != want {
		t.Errorf("the child printed %s, want %s", got, want)
	}
	if got, want := multiprocessing.CurrentProcess().String(), "<_MainProcess name='MainProcess' parent=None started>"; got != want {
		t.Errorf("CurrentProcess() = %s, want %s", got, want)
	}
	if p := multiprocessing.ParentProcess(); p != nil {
		t.Errorf("ParentProcess() = %v, want nil", p)
	}
}

func TestActiveChildren(t *testing.T) {
	t.Parallel()
	p := multiprocessing.NewProcess(forever, none{}, nil)
	if slices.Contains(multiprocessing.ActiveChildren(), p) {
		t.Error("a process is active before its start")
	}
	start(t, p)
	if !slices.Contains(multiprocessing.ActiveChildren(), p) {
		t.Error("a process is not active after its start")
	}
	p.Kill()
	join(t, p)
	if slices.Contains(multiprocessing.ActiveChildren(), p) {
		t.Error("a process is active after its end")
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	type process = multiprocessing.Process
	a := start(t, multiprocessing.NewProcess(forever, none{}, nil))
	b := start(t, multiprocessing.NewProcess(forever, none{}, nil))
	if got, err := multiprocessing.Wait[*process](t.Context()); len(got) != 0 || err != nil {
		t.Errorf("Wait() for nothing = %v, %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := multiprocessing.Wait(ended, a, b); len(got) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Wait() past its limit = %v, %v", got, err)
	}
	b.Kill()
	if got, err := multiprocessing.Wait(t.Context(), a, b); !slices.Equal(got, []*process{b}) || err != nil {
		t.Errorf("Wait() = %v, %v, want b", got, err)
	}
	a.Kill()
	select { // as any other channel
	case <-a.Sentinel():
	case <-t.Context().Done():
	}
	if got, err := multiprocessing.Wait(ended, a, b); !slices.Equal(got, []*process{a, b}) || err != nil {
		t.Errorf("Wait() = %v, %v, want both", got, err)
	}
}

package multiprocessing_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quartet-go/quartet/multiprocessing"
)

type memo struct {
	ID    int
	cache map[string]int
}

func TestRegisterPanics(t *testing.T) {
	t.Parallel()
	_ = memo{cache: nil}
	unit := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	taken := unique("taken")
	multiprocessing.Register(taken, unit)
	for _, tt := range []struct {
		name string
		f    func()
		want string
	}{
		{"taken", func() { multiprocessing.Register(taken, unit) }, "name taken"},
		{"nil", func() { multiprocessing.Register[int, int]("nil", nil) }, "nil function"},
		{"nil of two", func() { multiprocessing.Register2[int, int, int]("nil", nil) }, "nil function"},
		{"nil of three", func() { multiprocessing.Register3[int, int, int, int]("nil", nil) }, "nil function"},
		{
			"argument",
			func() {
				multiprocessing.Register("lost", func(context.Context, memo) (int, error) { return 0, nil })
			},
			"multiprocessing_test.memo.cache: unexported",
		},
		{
			"result",
			func() {
				multiprocessing.Register("lost", func(context.Context, int) (chan int, error) { return nil, nil })
			},
			"chan int: chan",
		},
		{"sentinel", func() { multiprocessing.RegisterError("nil", nil) }, "nil error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, tt.want) {
					t.Errorf("panic %q, want %q in it", got, tt.want)
				}
			}()
			tt.f()
		})
	}
}

var namedAtPackageLevel = multiprocessing.Register("named", func(context.Context, int) (int, error) { return 0, nil })

func TestNameCarriesTheImportPath(t *testing.T) {
	t.Parallel()
	const want = "github.com/quartet-go/quartet/multiprocessing_test.named"
	if got := namedAtPackageLevel.Name(); got != want {
		t.Errorf("Name() = %q, want %q", got, want)
	}
	inFunction := multiprocessing.Register2(unique("in a function"), func(context.Context, int, int) (int, error) { return 0, nil })
	if got := inFunction.Name(); !strings.Contains(got, "multiprocessing_test.in a function") {
		t.Errorf("Name() = %q", got)
	}
}

var uniques atomic.Int64

// unique completes a name that a test registers each time it runs.
func unique(name string) string { return fmt.Sprint(name, uniques.Add(1)) }

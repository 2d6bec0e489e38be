package ccall_test

import (
	"os"
	"testing"

	"github.com/quartet-go/quartet/internal/ccall"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

func TestCall(t *testing.T) {
	if !ccall.Possible {
		t.Skip("built without cgo")
	}
	called := 0
	for range 3 {
		ccall.Call(func() { called++ })
	}
	if called != 3 {
		t.Errorf("called %d times, want 3", called)
	}
}

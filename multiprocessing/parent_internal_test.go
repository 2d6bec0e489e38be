package multiprocessing

import (
	"context"
	"errors"
	"testing"
)

// A child is killed with its parent, so what it would see then is tried on one
// that is made up.
func TestParentInfo(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	p := &ParentInfo{Name: "MainProcess", Pid: 1, gone: gone}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Join(ended); !p.IsAlive() || !errors.Is(err, context.Canceled) {
		t.Errorf("before the end: IsAlive() = %v, Join() = %v", p.IsAlive(), err)
	}
	if got, want := p.String(), "<_ParentProcess name='MainProcess' started>"; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
	close(gone)
	if err := p.Join(t.Context()); p.IsAlive() || err != nil {
		t.Errorf("after the end: IsAlive() = %v, Join() = %v", p.IsAlive(), err)
	}
	if got, want := p.String(), "<_ParentProcess name='MainProcess' stopped>"; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

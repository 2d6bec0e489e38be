package multiprocessing

import (
	"context"
	"testing"
)

var warmNothing = Register("warmNothing", func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil })

// A process that died while it waited is not handed out.
func TestWarmThatDied(t *testing.T) {
	t.Parallel()
	w, err := NewWarm(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.mu.Lock()
	first := w.idle[0]
	w.mu.Unlock()
	first.KillTree()
	<-first.Done()
	p := NewProcess(warmNothing, struct{}{}, &ProcessOptions{Start: w})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := p.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, err := p.ExitCode(); code != 0 || err != nil {
		t.Errorf("ExitCode() = %d, %v", code, err)
	}
}

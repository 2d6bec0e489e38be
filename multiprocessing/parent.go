package multiprocessing

import (
	"context"
	"fmt"

	"github.com/quartet-go/quartet/internal/proc"
)

// A ParentInfo is what a child knows of the process that started it.
type ParentInfo struct {
	// Name is the parent's name.
	Name string
	// Pid is the parent's process id.
	Pid int

	gone <-chan struct{}
}

// ParentProcess returns the process that started this one, or nil in the parent of
// all.
//
// Python: multiprocessing.parent_process.
func ParentProcess() *ParentInfo {
	here.mu.Lock()
	defer here.mu.Unlock()
	b := here.boot
	if b.ParentPid == 0 {
		return nil
	}
	if here.parentGone == nil {
		here.parentGone = proc.ParentGone(b.ParentPid)
	}
	return &ParentInfo{Name: b.ParentName, Pid: b.ParentPid, gone: here.parentGone}
}

// IsAlive reports whether the parent has not ended. A child is killed when its
// parent ends, so few see false.
func (p *ParentInfo) IsAlive() bool { return !isClosed(p.gone) }

// Sentinel returns a channel that is closed when the parent has ended.
func (p *ParentInfo) Sentinel() <-chan struct{} { return p.gone }

// Join waits until the parent has ended, and if ctx ends before, returns its cause.
func (p *ParentInfo) Join(ctx context.Context) error { return waitFor(ctx, p.gone) }

// String describes the parent as Python does: <_ParentProcess name='MainProcess'
// started>.
func (p *ParentInfo) String() string {
	state := "started"
	if !p.IsAlive() {
		state = "stopped"
	}
	return fmt.Sprintf("<_ParentProcess name=%s %s>", quote(p.Name), state)
}

package multiprocessing

import (
	"sync"
	"sync/atomic"

	"github.com/quartet-go/quartet/internal/proc"
)

// oomTail is how much of the end of stderr is kept to tell why a process with a
// limit on its memory ended.
const oomTail = 16 << 10

// A memoryWatch keeps a child and its descendants within a limit.
type memoryWatch struct {
	over  atomic.Bool
	group *proc.MemoryGroup // nil unless the caller has one for it
	close sync.Once
}

// limitMemory begins to watch a child that runs. What it does to itself is in Main.
func (c *child) limitMemory(o childOptions) error {
	if o.Memory <= 0 {
		return nil
	}
	c.memory = &memoryWatch{}
	if o.Cgroup != "" {
		group, err := proc.NewMemoryGroup(o.Cgroup, o.Memory)
		if err != nil {
			return err
		}
		c.memory.group = group
		if err := group.Add(c.Child); err != nil {
			return err
		}
	}
	c.WatchMemory(o.Memory, func(int64) {
		c.memory.over.Store(true)
		c.KillTree()
	})
	return nil
}

// endGroup ends what a child that ended left behind in its control group, and the
// group.
func (c *child) endGroup() {
	if c.memory != nil && c.memory.group != nil {
		c.KillTree()
		c.settleMemory()
	}
}

// settleMemory gives back the control group of a child that ended.
func (c *child) settleMemory() {
	if c.memory == nil || c.memory.group == nil {
		return
	}
	c.memory.close.Do(func() {
		if c.memory.group.Kills() > 0 {
			c.memory.over.Store(true)
		}
		_ = c.memory.group.Close()
	})
}

// outOfMemory reports whether a child that ended, and was drained, did so because of
// its limit.
func (c *child) outOfMemory() bool {
	return c.memory != nil && (c.memory.over.Load() || c.tail != nil && proc.RanOutOfMemory(c.tail.String()))
}

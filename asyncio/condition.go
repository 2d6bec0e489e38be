package asyncio

import (
	"context"
)

// A Condition lets those that hold its lock wait until another one says that
// something has changed.
//
// Python: asyncio.Condition.
type Condition struct {
	lock  *Lock
	queue waitlist // guarded by lock.mu
}

// NewCondition returns a condition of l, or of a lock of its own if l is nil.
func NewCondition(l *Lock) *Condition {
	if l == nil {
		l = new(Lock)
	}
	return &Condition{lock: l}
}

// Acquire takes the lock of c.
func (c *Condition) Acquire(ctx context.Context) error { return c.lock.Acquire(ctx) }

// Release releases the lock of c.
func (c *Condition) Release() { c.lock.Release() }

// Locked reports whether the lock of c is held.
func (c *Condition) Locked() bool { return c.lock.Locked() }

// Wait releases the lock, waits for a Notify, and takes the lock again, even if
// ctx ended meanwhile; its error is then that of ctx. It panics if the lock is
// not held. What one waits for is to be checked again, as by [Condition.WaitFor].
func (c *Condition) Wait(ctx context.Context) error {
	f := currentOf(ctx)
	c.mustHold("wait on")
	if err := mayWait(ctx, f); err != nil {
		return err
	}
	c.lock.mu.Lock()
	n := c.queue.join(f)
	c.lock.mu.Unlock()
	c.lock.Release()
	n.wait(ctx, f, c)
	c.lock.mu.Lock()
	granted := n.granted
	if !granted {
		c.queue.remove(n)
	}
	c.lock.mu.Unlock()
	if err := c.lock.acquire(context.WithoutCancel(ctx), f, c.lock); err != nil {
		return err
	}
	if granted {
		return nil
	}
	return gaveUp(ctx, f)
}

// WaitFor waits until ok returns true, which it calls with the lock held.
func (c *Condition) WaitFor(ctx context.Context, ok func() bool) error {
	for !ok() {
		if err := c.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Notify wakes the n that wait longest. It panics if the lock is not held.
func (c *Condition) Notify(n int) {
	c.mustHold("notify on")
	cur := current()
	c.lock.mu.Lock()
	defer c.lock.mu.Unlock()
	for ; n > 0 && c.queue.grant(cur); n-- {
	}
}

// NotifyAll wakes all that wait. It panics if the lock is not held.
func (c *Condition) NotifyAll() {
	c.lock.mu.Lock()
	n := c.queue.n
	c.lock.mu.Unlock()
	c.Notify(n)
}

func (c *Condition) mustHold(what string) {
	if !c.lock.Locked() {
		panic("asyncio: cannot " + what + " an un-acquired lock")
	}
}

// String returns <Condition [locked, waiters:1]>.
func (c *Condition) String() string {
	c.lock.mu.Lock()
	defer c.lock.mu.Unlock()
	return describe("Condition", lockWord(c.lock.locked), c.queue.n)
}

// Package park is where a blocking call finds out who makes it.
//
// The four packages of this module block in two ways: they run a function that
// may take long ([Do]), and they wait to be woken ([Wait]). On an ordinary
// goroutine both do what Go programmers expect. On the goroutine of a task both
// suspend the task and let its loop go on. The packages call Do and Wait and
// never learn which it was.
//
// A loop makes a goroutine a task's by [Enter] and ends that by [Exit].
package park

import (
	"context"
	"sync"
	"sync/atomic"
)

// A Parker can suspend the task whose goroutine calls it.
type Parker interface {
	// Park calls arm on the calling goroutine, then suspends the task until
	// wake was called or ctx ended. It returns nil if wake was called, even if
	// ctx ended as well, and otherwise the error of [Cause].
	//
	// wake may be called from any goroutine, before arm returns too, and more
	// than once.
	Park(ctx context.Context, arm func(wake func())) error
}

// Enter makes the calling goroutine one of p's: until [Exit], what it waits for
// suspends p. A goroutine enters once.
func Enter(p Parker) {
	entered.Add(1)
	id := Self()
	s := shardOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parkers == nil {
		s.parkers = make(map[ID]Parker)
	}
	s.parkers[id] = p
}

// Exit undoes [Enter]. The runtime gives the identity of a goroutine that ended
// to the next one, so Exit must be called, by the same goroutine, on every way
// out of it: deferred first.
func Exit() {
	id := Self()
	s := shardOf(id)
	s.mu.Lock()
	delete(s.parkers, id)
	if len(s.parkers) == 0 {
		s.parkers = nil // a map keeps the room of all it ever held
	}
	s.mu.Unlock()
	entered.Add(-1)
}

// Current returns the Parker of the calling goroutine, or nil if it is nobody's.
// It does not block, and reads no identity while no goroutine has entered.
func Current() Parker {
	if entered.Load() == 0 {
		return nil
	}
	id := Self()
	s := shardOf(id)
	s.mu.RLock()
	p := s.parkers[id]
	s.mu.RUnlock()
	return p
}

// entered is how many goroutines are in shards.
var entered atomic.Int64

// shards are the table of the goroutines that have entered. (A sync.Map takes
// three times the memory, 110 bytes a goroutine.)
var shards [64]shard

type shard struct {
	mu      sync.RWMutex // guards following
	parkers map[ID]Parker
	_       [32]byte // a cache line of its own
}

// shardOf returns the shard of id; the low bits of an address tell nothing.
func shardOf(id ID) *shard { return &shards[(id*0x9e3779b97f4a7c15)>>58] }

// Do runs f and returns nil when f has returned. An ordinary goroutine runs f
// itself; a task is suspended while another goroutine runs it. Do always waits
// for f: what can be given up in the middle uses [Wait].
//
// If ctx has ended before, f is not run and Do returns the error of [Cause].
func Do(ctx context.Context, f func()) error {
	if err := Cause(ctx); err != nil {
		return err
	}
	p := Current()
	if p == nil {
		f()
		return nil
	}
	return p.Park(context.WithoutCancel(ctx), func(wake func()) {
		go func() {
			defer wake()
			f()
		}()
	})
}

// Wait calls arm on the calling goroutine, then waits until wake was called or
// ctx ended: a task is suspended, an ordinary goroutine blocks. It returns nil
// if wake was called, even if ctx ended as well: what was delivered is not
// lost. Otherwise it returns the error of [Cause], and whoever armed must see to
// it that a late wake hands over nothing.
//
// If ctx has ended before, Wait calls arm all the same, so that a value that is
// there already can be delivered. wake may be called from any goroutine, before
// arm returns too, and more than once.
func Wait(ctx context.Context, arm func(wake func())) error {
	if p := Current(); p != nil {
		return p.Park(ctx, arm)
	}
	return Block(ctx, arm)
}

// Block is [Wait] as an ordinary goroutine waits, whoever calls it: the Park of a
// [Parker] whose goroutine may block.
func Block(ctx context.Context, arm func(wake func())) error {
	woken := make(chan struct{})
	var once sync.Once
	arm(func() { once.Do(func() { close(woken) }) })
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-woken:
		return nil
	default:
		return Cause(ctx)
	}
}

// Cause returns nil while ctx has not ended, and then an error that matches both
// ctx.Err() and [context.Cause] of ctx.
func Cause(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == err {
		return err
	}
	return &ended{err, cause}
}

// An ended is the error of a ctx and its cause. Thousands may end at once, so the text
// is made by who asks for it.
type ended struct{ err, cause error }

func (e *ended) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *ended) Unwrap() []error { return []error{e.err, e.cause} }

// Package measure compares two or more ways to do the same work: in one run, in
// turns, with the work of every round checked before its cost counts.
//
// Machines differ and are noisy, so that no cost means much by itself. What is
// kept is the ratio of two costs of the same round, and how it spreads.
package measure

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrSkip matches the error of a side that cannot run here, such as a program
// that is not installed.
var ErrSkip = errors.New("skip")

// Skip returns an error that matches [ErrSkip] and tells the reason.
func Skip(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSkip, fmt.Sprintf(format, args...))
}

// Work is what tells that a side did all it was asked for.
type Work struct {
	Count  int
	Digest string
}

// A Result is what one side did in one round, and what that took: seconds, or
// what else the unit of the case counts.
type Result struct {
	Amount float64
	Work
}

// A Runner is a side that is ready to work.
type Runner interface {
	// Round does the work once. It may block; it ends with ctx.
	Round(ctx context.Context) (Result, error)
	// Close frees what the side holds.
	Close() error
}

// A Side is ours or a peer.
type Side struct {
	Name string
	// N is the number of items in a round. A slow peer may do fewer than ours
	// where the unit is a cost an item. Default: the case's.
	N int
	// Goal is the ratio to this peer that the low end of the spread shall
	// reach: how many times as fast as the peer ours is. Zero: no goal.
	Goal float64
	// Open prepares the side for rounds of n items. An error that matches
	// [ErrSkip] is told as a skip.
	Open func(ctx context.Context, n int) (Runner, error)
}

// A Unit says how an amount is told.
type Unit struct {
	Name    string
	Scale   float64 // from seconds (or the amount as it is) to the unit
	PerItem bool    // a cost of one item, not of the whole round
}

// The units of time.
var (
	NanosEach  = Unit{"ns/item", 1e9, true}
	MicrosEach = Unit{"µs/item", 1e6, true}
	MillisEach = Unit{"ms/item", 1e3, true}
	Millis     = Unit{"ms", 1e3, false}
	Seconds    = Unit{"s", 1, false}
)

// A Case is one row of the comparison for each of its peers.
type Case struct {
	Name string // such as "multiprocessing/apply"
	Unit Unit
	N    int
	// Want is the work of a round of n items.
	Want  func(n int) Work
	Ours  Side
	Peers []Side // the one whose ratio is tightest first: it runs next to ours
}

// Limits bound a measurement.
type Limits struct {
	Rounds int           // at most; default 9
	Budget time.Duration // no further round after it, once MinRounds are done; default 20s
	Round  time.Duration // the time that one side may take for one round; default 60s
}

// MinRounds is how many rounds a case has even if they are slow.
const MinRounds = 3

func (l Limits) withDefaults() Limits {
	if l.Rounds <= 0 {
		l.Rounds = 9
	}
	if l.Budget <= 0 {
		l.Budget = 20 * time.Second
	}
	if l.Round <= 0 {
		l.Round = time.Minute
	}
	return l
}

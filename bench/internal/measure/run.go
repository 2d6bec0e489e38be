package measure

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Run measures c and returns a row for each of its peers. Each round runs every
// side once, the sides in turns: forward in even rounds, backward in odd ones.
//
// A side that cannot run, fails or does the wrong work makes its rows skips with
// the reason. The error is that of our side, or the cause of ctx: what a peer
// gets wrong is no error of ours.
func Run(ctx context.Context, c Case, limits Limits) ([]Row, error) {
	limits = limits.withDefaults()
	rows := make([]Row, len(c.Peers))
	for i, p := range c.Peers {
		rows[i] = Row{Case: c.Name, Unit: c.Unit.Name, PeerName: p.Name, Goal: p.Goal}
	}
	sides := make([]*side, 0, 1+len(c.Peers))
	defer func() {
		for _, s := range sides {
			s.close()
		}
	}()
	for _, s := range append([]Side{c.Ours}, c.Peers...) {
		sides = append(sides, open(ctx, c, s, limits.Round))
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if ours := sides[0]; ours.err != nil {
			for i := range rows {
				rows[i].Skip = "ours: " + Reason(ours.err)
			}
			return rows, fmt.Errorf("%s: ours: %w", c.Name, ours.err)
		}
	}

	for start, r := time.Now(), 0; r < limits.Rounds && (r < MinRounds || time.Since(start) < limits.Budget); r++ {
		for i := range sides {
			if r%2 == 1 {
				i = len(sides) - 1 - i
			}
			sides[i].round(ctx)
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if sides[0].err != nil {
			break
		}
	}

	ours := sides[0]
	for i, peer := range sides[1:] {
		switch {
		case ours.err != nil:
			rows[i].Skip = "ours: " + Reason(ours.err)
		case peer.err != nil:
			rows[i].Skip = Reason(peer.err)
		default:
			rows[i].fill(ours.costs, peer.costs)
		}
	}
	if ours.err != nil {
		return rows, fmt.Errorf("%s: ours: %w", c.Name, ours.err)
	}
	return rows, nil
}

// side is a [Side] in the course of a run.
type side struct {
	Side
	unit   Unit
	want   Work
	limit  time.Duration
	runner Runner
	costs  []float64 // of the rounds so far
	err    error     // why there will be no more
}

// open readies s and has it do one round that does not count.
func open(ctx context.Context, c Case, s Side, limit time.Duration) *side {
	if s.N == 0 {
		s.N = c.N
	}
	o := &side{Side: s, unit: c.Unit, want: c.Want(s.N), limit: limit}
	if o.runner, o.err = s.Open(ctx, s.N); o.err != nil {
		return o
	}
	o.round(ctx)
	o.costs = nil
	return o
}

func (s *side) round(ctx context.Context) {
	if s.err != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, fmt.Errorf("round took more than %v", s.limit))
	defer cancel()
	runtime.GC() // what the side before left is not this one's cost
	r, err := s.runner.Round(ctx)
	if err != nil {
		s.err = err
		return
	}
	if r.Work != s.want {
		s.err = fmt.Errorf("wrong work: count %d, digest %s; want %d, %s", r.Count, r.Digest, s.want.Count, s.want.Digest)
		return
	}
	cost := r.Amount * s.unit.Scale
	if s.unit.PerItem {
		cost /= float64(s.N)
	}
	s.costs = append(s.costs, cost)
}

func (s *side) close() {
	if s.runner != nil {
		s.runner.Close()
	}
}

// Reason is the text of err for a skip.
func Reason(err error) string {
	if errors.Is(err, ErrSkip) {
		return err.Error()[len(ErrSkip.Error()+": "):]
	}
	return err.Error()
}

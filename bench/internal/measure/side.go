package measure

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// A Round does the work of a side once.
type Round func(ctx context.Context) (Result, error)

// Func opens a side in Go that needs no preparation.
func Func(work func(ctx context.Context, n int) (Result, error)) func(context.Context, int) (Runner, error) {
	return With(func(_ context.Context, n int) (Round, func() error, error) {
		return func(ctx context.Context) (Result, error) { return work(ctx, n) }, nil, nil
	})
}

// With opens a side in Go: prepare returns its round, and what frees what it
// holds, or nil.
func With(prepare func(ctx context.Context, n int) (Round, func() error, error)) func(context.Context, int) (Runner, error) {
	return func(ctx context.Context, n int) (Runner, error) {
		round, free, err := prepare(ctx, n)
		if err != nil {
			return nil, err
		}
		return &goSide{round, free}, nil
	}
}

type goSide struct {
	round Round
	free  func() error
}

func (s *goSide) Round(ctx context.Context) (Result, error) { return s.round(ctx) }

func (s *goSide) Close() error {
	if s.free == nil {
		return nil
	}
	return s.free()
}

// Limit opens the peer of a case that has a limit instead of a rival: its amount
// is always the same, and it does the work that is wanted.
func Limit(amount float64, want func(n int) Work) func(context.Context, int) (Runner, error) {
	return Func(func(_ context.Context, n int) (Result, error) { return Result{Amount: amount, Work: want(n)}, nil })
}

// Clock runs work and returns the seconds that it took.
func Clock(work func() error) (float64, error) {
	start := time.Now()
	err := work()
	return time.Since(start).Seconds(), err
}

// Items is the work of n items that leave nothing to digest.
func Items(n int) Work { return Work{Count: n} }

// Ints is the work that gave values.
func Ints(values []int) Work {
	h := sha256.New()
	var b [8]byte
	for _, v := range values {
		binary.LittleEndian.PutUint64(b[:], uint64(v))
		h.Write(b[:])
	}
	return Work{Count: len(values), Digest: hex.EncodeToString(h.Sum(nil))}
}

// Blocks is the work that gave blocks.
func Blocks(blocks [][]byte) Work {
	h := sha256.New()
	for _, b := range blocks {
		h.Write(b)
	}
	return Work{Count: len(blocks), Digest: hex.EncodeToString(h.Sum(nil))}
}

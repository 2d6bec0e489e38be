package aiohttp

import (
	"context"
	"slices"
	"sync"

	"github.com/quartet-go/quartet/internal/park"
)

// A turnstile lets only so many in at a time, in the order of arrival.
type turnstile struct {
	mu    sync.Mutex // guards following
	free  int
	queue []*turn
}

type turn struct {
	wake func()
	has  bool
}

func (s *turnstile) enter(ctx context.Context) error {
	s.mu.Lock()
	if s.free > 0 && len(s.queue) == 0 {
		s.free--
		s.mu.Unlock()
		return nil
	}
	t := &turn{}
	s.queue = append(s.queue, t)
	s.mu.Unlock()
	err := park.Wait(ctx, func(wake func()) {
		s.mu.Lock()
		t.wake = wake
		has := t.has
		s.mu.Unlock()
		if has {
			wake()
		}
	})
	if err == nil {
		return nil
	}
	s.mu.Lock()
	has := t.has
	if !has {
		s.queue = slices.DeleteFunc(s.queue, func(o *turn) bool { return o == t })
	}
	s.mu.Unlock()
	if has {
		s.leave()
	}
	return err
}

func (s *turnstile) leave() {
	s.mu.Lock()
	if len(s.queue) == 0 {
		s.free++
		s.mu.Unlock()
		return
	}
	t := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	t.has = true
	wake := t.wake
	s.mu.Unlock()
	if wake != nil {
		wake()
	}
}

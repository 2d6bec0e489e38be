package asyncio

import (
	"context"
	"reflect"
	"sync"

	"github.com/quartet-go/quartet/internal/park"
)

// Receive receives from ch as <-ch does, and suspends the task meanwhile. ok is
// false if ch is closed. The error is that of ctx, and then nothing was received.
func Receive[T any](ctx context.Context, ch <-chan T) (v T, ok bool, err error) {
	select {
	case v, ok = <-ch:
		return v, ok, nil
	default:
	}
	err = giveUp(ctx, func(stop <-chan struct{}) bool {
		select {
		case v, ok = <-ch:
			return true
		case <-stop:
			return false
		}
	})
	return v, ok, err
}

// Send sends v as ch <- v does, and suspends the task meanwhile. The error is
// that of ctx, and then v was not sent.
func Send[T any](ctx context.Context, ch chan<- T, v T) error {
	select {
	case ch <- v:
		return nil
	default:
	}
	return giveUp(ctx, func(stop <-chan struct{}) bool {
		select {
		case ch <- v:
			return true
		case <-stop:
			return false
		}
	})
}

// A Case is one operation of [Select], made by [OnReceive], [OnSend] or [OnDefault].
type Case struct {
	sel reflect.SelectCase
	fn  func(v reflect.Value, ok bool)
}

// OnReceive is the case of receiving from ch; fn, which may be nil, gets what
// was received. A nil ch is never ready.
func OnReceive[T any](ch <-chan T, fn func(v T, ok bool)) Case {
	return Case{
		sel: reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)},
		fn: func(v reflect.Value, ok bool) {
			if fn == nil {
				return
			}
			got, _ := v.Interface().(T)
			fn(got, ok)
		},
	}
}

// OnSend is the case of sending v to ch; fn, which may be nil, is called when it was.
func OnSend[T any](ch chan<- T, v T, fn func()) Case {
	return Case{
		sel: reflect.SelectCase{Dir: reflect.SelectSend, Chan: reflect.ValueOf(ch), Send: reflect.ValueOf(&v).Elem()},
		fn: func(reflect.Value, bool) {
			if fn != nil {
				fn()
			}
		},
	}
}

// OnDefault is the case of no other being ready.
func OnDefault(fn func()) Case {
	return Case{
		sel: reflect.SelectCase{Dir: reflect.SelectDefault},
		fn: func(reflect.Value, bool) {
			if fn != nil {
				fn()
			}
		},
	}
}

// Select does one of cases as the select statement does, and suspends the task
// until one can be done. It calls the function of that case on the calling task
// and returns its index. The error is that of ctx, and then nothing was done.
func Select(ctx context.Context, cases ...Case) (int, error) {
	sels := make([]reflect.SelectCase, len(cases), len(cases)+1)
	hasDefault := false
	for i, c := range cases {
		sels[i] = c.sel
		hasDefault = hasDefault || c.sel.Dir == reflect.SelectDefault
	}
	tries := sels
	if !hasDefault {
		tries = append(sels, reflect.SelectCase{Dir: reflect.SelectDefault})
	}
	chosen, v, ok := reflect.Select(tries)
	if chosen == len(cases) {
		err := giveUp(ctx, func(stop <-chan struct{}) bool {
			all := append(sels[:len(cases):len(cases)], reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(stop)})
			chosen, v, ok = reflect.Select(all)
			return chosen < len(cases)
		})
		if err != nil {
			return -1, err
		}
	}
	cases[chosen].fn(v, ok)
	return chosen, nil
}

// giveUp runs op, which blocks until it is done or stop is closed and reports
// which: here, or on another goroutine for a task. When ctx ends first, op is
// stopped; that it was done all the same is no error.
func giveUp(ctx context.Context, op func(stop <-chan struct{}) bool) error {
	if err := park.Cause(ctx); err != nil {
		return err
	}
	if currentOf(ctx) == nil {
		if !op(ctx.Done()) {
			return park.Cause(ctx)
		}
		return nil
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	done, armed := false, false
	err := park.Wait(ctx, func(wake func()) {
		if currentOf(ctx).task() == nil {
			return
		}
		armed = true
		go func() {
			defer wake()
			defer close(ended)
			done = op(stop)
		}()
	})
	if !armed {
		return err
	}
	close(stop)
	<-ended // at once: op was done, or sees stop
	if done {
		return nil
	}
	return err
}

// WaitGroup waits for wg as wg.Wait does, and suspends the task meanwhile. When
// ctx ends, whose error it returns, a goroutine stays behind until wg is done.
func WaitGroup(ctx context.Context, wg *sync.WaitGroup) error {
	if cur := currentOf(ctx); cur != nil && cur.task() == nil {
		return ErrWouldBlock
	}
	return park.Wait(ctx, func(wake func()) {
		go func() {
			defer wake()
			wg.Wait()
		}()
	})
}

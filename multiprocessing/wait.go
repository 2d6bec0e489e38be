package multiprocessing

import (
	"context"
	"reflect"

	"github.com/quartet-go/quartet/internal/park"
)

// A Waitable is something whose end can be waited for.
type Waitable interface {
	// Sentinel returns a channel that is closed at the end.
	Sentinel() <-chan struct{}
}

// Wait waits until at least one of the things has ended and returns all that have,
// in the order given. None given, it returns at once. If ctx ends before, the
// result is empty and the error the cause of ctx.
//
// Python: multiprocessing.connection.wait.
func Wait[W Waitable](ctx context.Context, things ...W) ([]W, error) {
	ready := endedOf(things)
	if len(ready) > 0 || len(things) == 0 {
		return ready, nil
	}
	err := park.Wait(ctx, func(wake func()) { go wakeAtFirst(ctx, things, wake) })
	if ready = endedOf(things); len(ready) > 0 {
		return ready, nil
	}
	return nil, err
}

func endedOf[W Waitable](things []W) (ended []W) {
	for _, w := range things {
		if isClosed(w.Sentinel()) {
			ended = append(ended, w)
		}
	}
	return ended
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// waitFor waits until done is closed or ctx ends.
func waitFor(ctx context.Context, done <-chan struct{}) error {
	if isClosed(done) {
		return nil
	}
	return park.Wait(ctx, func(wake func()) {
		go func() {
			select {
			case <-done:
				wake()
			case <-ctx.Done():
			}
		}()
	})
}

// wakeAtFirst calls wake when the first of the things ends, and returns then or
// when ctx ends.
func wakeAtFirst[W Waitable](ctx context.Context, things []W, wake func()) {
	cases := []reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())}}
	for _, w := range things {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(w.Sentinel())})
	}
	if chosen, _, _ := reflect.Select(cases); chosen > 0 {
		wake()
	}
}

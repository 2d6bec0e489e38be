package multiprocessing

import (
	"context"
	"fmt"
	"sync/atomic"
)

// State is a value of type S that each worker of a pool has for itself: opened
// before its first task and closed after its last. [RegisterState] makes one.
//
//	var db = multiprocessing.RegisterState("db", openDB, (*DB).Close)
//
//	pool, err := multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{Initializer: db.With("prices.db")})
//
// Python: a global variable that the initializer sets.
type State[A, S any] struct {
	open  Func[A, struct{}]
	close Func[struct{}, struct{}]
	value *atomic.Pointer[S]
}

// RegisterState makes a State known to parent and children under name. open is
// called in each worker before its first task, with the argument that the parent
// gave to [State.With]; if it fails, so does [NewPool]. done is called in a worker
// that ends in order, after its last task, and may be nil. S itself does not travel.
// As [Register], RegisterState is to be called at package level.
func RegisterState[A, S any](name string, open func(ctx context.Context, arg A) (S, error), done func(s S) error) State[A, S] {
	s := State[A, S]{value: &atomic.Pointer[S]{}}
	s.open = register(name+".open", func(ctx context.Context, arg A) (struct{}, error) {
		v, err := open(ctx, arg)
		if err == nil {
			s.value.Store(&v)
		}
		return struct{}{}, err
	}, open == nil)
	s.close = register(name+".close", func(context.Context, struct{}) (struct{}, error) {
		v := s.value.Swap(nil)
		if v == nil || done == nil {
			return struct{}{}, nil
		}
		return struct{}{}, done(*v)
	}, false)
	return s
}

// With returns what opens the state in a worker, for [PoolOptions].Initializer.
func (s State[A, S]) With(arg A) Call {
	c, after := s.open.With(arg), s.close.With(struct{}{})
	c.after = &after
	return c
}

// Value returns the state of this worker. It panics in a process that has none.
func (s State[A, S]) Value() S {
	v := s.value.Load()
	if v == nil {
		panic(fmt.Sprintf("multiprocessing: %v: not opened in this process", s.open))
	}
	return *v
}

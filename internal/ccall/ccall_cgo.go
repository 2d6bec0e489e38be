//go:build cgo

package ccall

/*
extern void quartetCalled(void);

static void quartetCall(void) { quartetCalled(); }
*/
import "C"

// Possible reports whether the program was built with cgo.
const Possible = true

var (
	calls = make(chan struct{}, 1) // one at a time
	f     func()
)

// Call calls C, which calls fn on the same goroutine and thread.
func Call(fn func()) {
	calls <- struct{}{}
	defer func() { <-calls }()
	f = fn
	C.quartetCall()
}

//export quartetCalled
func quartetCalled() { f() }

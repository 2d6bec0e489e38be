package park

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"
)

// An ID tells a goroutine from all others that live. No goroutine has the zero ID.
type ID uint64

// Self returns the identity of the calling goroutine: the address of its g where
// that can be read and passes the test, else its number. A goroutine that starts
// later may get the identity of one that ended.
func Self() ID {
	if trusted.Load() {
		return ID(uintptr(getg()))
	}
	return selfTested()
}

var (
	trusted atomic.Bool // the test was passed
	test    = sync.OnceFunc(func() { trusted.Store(hasGetg && trust(getg)) })
)

func selfTested() ID {
	if test(); trusted.Load() {
		return ID(uintptr(getg()))
	}
	return goid()
}

// trust reports whether get stays the same while the stack of a goroutine moves
// and differs between two goroutines that live.
func trust(get func() unsafe.Pointer) bool {
	mine := get()
	moved := make(chan unsafe.Pointer)
	go func() {
		before := get()
		if after := getDeep(get, 64); after != before {
			before = nil
		}
		moved <- before
	}()
	other := <-moved
	return mine != nil && other != nil && other != mine && get() == mine
}

// getDeep calls get below frames that are larger than a new goroutine's stack.
//
//go:noinline
func getDeep(get func() unsafe.Pointer, depth int) unsafe.Pointer {
	var frame [1024]byte
	frame[depth] = 1
	g := get()
	if depth > 0 {
		g = getDeep(get, depth-1)
	}
	runtime.KeepAlive(&frame)
	return g
}

// goid reads the number of the goroutine from the first line of its stack,
// "goroutine 18 [running]:". It costs about 2 µs.
func goid() ID {
	var buf [64]byte
	line := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(line, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		panic("park: no goroutine number in " + strconv.Quote(string(line)))
	}
	return ID(id)
}

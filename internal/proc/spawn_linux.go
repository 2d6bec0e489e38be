package proc

import (
	"runtime"
	"sync"
)

// onSpawner runs f on the thread that starts all children and waits for it.
//
// The kernel sends a child its parent death signal when the thread that started
// it ends, not the process. So that thread belongs to one goroutine that never
// returns.
func onSpawner(f func()) {
	done := make(chan struct{})
	spawner() <- func() {
		defer close(done)
		f()
	}
	<-done
}

var spawner = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go spawnForever(calls)
	return calls
})

func spawnForever(calls <-chan func()) {
	runtime.LockOSThread()
	for f := range calls {
		f()
	}
}

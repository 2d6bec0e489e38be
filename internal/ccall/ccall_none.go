//go:build !cgo

package ccall

// Possible reports whether the program was built with cgo.
const Possible = false

// Call panics without cgo.
func Call(func()) { panic("ccall: built without cgo") }

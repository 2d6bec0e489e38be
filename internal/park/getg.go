//go:build (amd64 || arm64) && !quartet_purego

package park

import "unsafe"

const hasGetg = true

// getg returns the address of the calling goroutine's g.
func getg() unsafe.Pointer

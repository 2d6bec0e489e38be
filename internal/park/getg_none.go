//go:build (!amd64 && !arm64) || quartet_purego

package park

import "unsafe"

const hasGetg = false

func getg() unsafe.Pointer { return nil }

//go:build !unix

package aiofiles

import "os"

// newPolled leaves f as it is: its calls cannot be interrupted here, and hold a
// helper until they return.
func newPolled(f *os.File) Handle { return f }

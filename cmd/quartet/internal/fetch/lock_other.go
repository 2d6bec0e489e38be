//go:build !unix

package fetch

import "os"

// lock does nothing: a folder cannot be locked here.
func lock(*os.File) error { return nil }

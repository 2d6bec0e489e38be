//go:build !unix

package aiohttp

import "os"

func lockFile(*os.File) error { return nil }

// renameOpen closes first: Windows does not rename an open file.
func renameOpen(f *os.File, from, to string) error {
	f.Close()
	return os.Rename(from, to)
}

const noFollow = 0

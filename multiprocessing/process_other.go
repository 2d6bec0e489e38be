//go:build !unix

package multiprocessing

import "strconv"

func codeName(code int) string { return strconv.Itoa(code) }

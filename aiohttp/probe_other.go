//go:build !unix

package aiohttp

import "syscall"

// probe has no way here to look at a connection that is being read: net/http's
// reader, which notices a close a little later, has to do.
func probe(syscall.RawConn, bool) bool { return false }

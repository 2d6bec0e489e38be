// Package ccall calls a Go function from C. It is for tests of what that means for
// a goroutine: test files cannot hold C themselves. Nothing else imports it.
package ccall

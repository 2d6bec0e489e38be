// Package aiofilestest has file systems for tests of programs that use aiofiles.
//
// [NewMem] gives one in memory, [NewFaulty] one that fails, hangs or writes short
// where a test says so, above it or any other. A context that carries one sends
// all calls of aiofiles there, so that the code under test needs no change:
//
//	mem := aiofilestest.NewMem()
//	faulty := aiofilestest.NewFaulty(mem)
//	faulty.Fail(aiofilestest.Fault{Op: "sync", Err: syscall.EIO})
//	ctx := aiofiles.WithFS(t.Context(), faulty)
//	err := saveConfig(ctx) // uses aiofiles.WriteFileAtomic
package aiofilestest

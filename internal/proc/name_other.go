//go:build !linux

package proc

// SetName does nothing: here a process has the name of its program.
func SetName(name string) {}

//go:build unix && !linux

package aiofiles

// nowSupport is empty where a read cannot be asked not to wait.
type nowSupport struct{}

func (f *fdFile) learn() {}

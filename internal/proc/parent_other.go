//go:build !linux

package proc

// ParentGone returns a channel that is closed when the parent of this process,
// which had that number, has ended. It costs a goroutine up to then.
func ParentGone(parent int) <-chan struct{} {
	gone := make(chan struct{})
	go pollParent(parent, gone)
	return gone
}

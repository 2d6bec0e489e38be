//go:build !linux

package aiofiles

// kernelCopy copies nothing where the kernel has no call for it.
func kernelCopy(_, _ Handle, _ int64, _ int) (copied int64, ok bool, err error) {
	return 0, false, nil
}

package aiofiles

import (
	"io"

	"golang.org/x/sys/unix"
)

// kernelCopy copies up to n bytes at off within the kernel. It reports false where
// that cannot be done: nothing was copied then.
func kernelCopy(to, from Handle, off int64, n int) (copied int64, ok bool, err error) {
	in, fromFile := from.(*fdFile)
	out, toFile := to.(*fdFile)
	if !fromFile || !toFile {
		return 0, false, nil
	}
	inOff, outOff := off, off
	m, err := retry(func() (int, error) { return unix.CopyFileRange(in.fd, &inOff, out.fd, &outOff, n, 0) })
	switch {
	case err == unix.EIO || err == unix.ENOSPC || err == unix.EDQUOT || err == unix.EFBIG:
		return 0, true, out.fail("copy", err)
	case err != nil:
		return 0, false, nil
	case m == 0 && off == 0:
		return 0, false, nil // a file of /proc has no size, and bytes all the same
	case m == 0:
		return 0, true, io.EOF
	}
	return int64(m), true, nil
}

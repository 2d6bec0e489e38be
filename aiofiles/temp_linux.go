package aiofiles

import "golang.org/x/sys/unix"

// openUnnamed makes a file that has no name and never had one.
func (osFS) openUnnamed(dir string, flag int) (Handle, error) {
	fd, err := openFD(dir, flag|unix.O_TMPFILE, 0o600)
	if err != nil {
		return nil, err
	}
	return newHandle(fd, dir)
}

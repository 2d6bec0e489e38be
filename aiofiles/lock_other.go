//go:build !unix || solaris || aix || illumos

package aiofiles

import "errors"

func flock(_ int, _ bool) error { return errors.ErrUnsupported }

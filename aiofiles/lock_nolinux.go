//go:build !linux

package aiofiles

import "errors"

func lockRange(_ int, _, _ int64, _, _ bool) error { return errors.ErrUnsupported }

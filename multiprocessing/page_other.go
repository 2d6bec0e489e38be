//go:build !linux

package multiprocessing

import (
	"errors"
	"time"
)

// A startPage is memory shared with a worker, which this system does not have:
// workers acknowledge the start of a task by a frame.
type startPage struct{}

func newStartPage() (*startPage, int, error)    { return nil, -1, nil }
func mapStartPage(int) (*startPage, error)      { return nil, errors.ErrUnsupported }
func (*startPage) start(uint64)                 {}
func (*startPage) started() (uint64, time.Time) { return 0, time.Time{} }
func (*startPage) close()                       {}

//go:build !linux

package multiprocessing

import (
	"errors"

	"github.com/quartet-go/quartet/internal/frame"
)

// Here all data goes through the socket.
const canShare = false

func newSlot(int) (*slot, error)             { return nil, errors.ErrUnsupported }
func mapSlot(int, frame.Slot) (*slot, error) { return nil, errors.ErrUnsupported }
func (*slot) close()                         {}
func (*slot) dup() (int, error)              { return -1, errors.ErrUnsupported }

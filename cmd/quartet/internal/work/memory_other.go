//go:build !linux

package work

import (
	"errors"
	"fmt"
)

func residentBytes(int) (int64, error) {
	return 0, fmt.Errorf("memory of processes: %w", errors.ErrUnsupported)
}

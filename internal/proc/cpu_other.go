//go:build !linux

package proc

import "runtime"

func affinity() int { return runtime.NumCPU() }

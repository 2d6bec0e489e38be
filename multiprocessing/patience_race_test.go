//go:build race

package multiprocessing_test

import "time"

// patience is a second of a machine that does nothing else, under the race detector.
const patience = 8 * time.Second

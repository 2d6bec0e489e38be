//go:build !race

package multiprocessing_test

import "time"

// patience is a second of a machine that does nothing else.
const patience = time.Second

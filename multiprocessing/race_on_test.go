//go:build race

package multiprocessing_test

// slower is by how much a child starts slower than usual.
const slower = 4

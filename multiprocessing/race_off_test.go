//go:build !race

package multiprocessing_test

const slower = 1

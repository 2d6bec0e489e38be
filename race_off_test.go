//go:build !race

package quartet_test

const underRace = false

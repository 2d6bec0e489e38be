//go:build race

package quartet_test

// underRace says that the race detector watches this test, but not the programs
// that it builds.
const underRace = true

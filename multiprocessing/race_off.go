//go:build !race

package multiprocessing

func raceEnv() []string { return nil }

//go:build !unix

package multiprocessing

func killOwnGroup() {}

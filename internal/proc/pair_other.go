//go:build unix && !linux

package proc

const sockCloexec = 0

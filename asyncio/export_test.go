package asyncio

// SetExit replaces what ends the process at the second interrupt.
func SetExit(f func(int)) (undo func()) {
	before := exit
	exit = f
	return func() { exit = before }
}

package asyncio

// SetExit replaces what ends the process at the second interrupt.
func SetExit(f func(int)) (undo func()) {
	before := exit
	exit = f
	return func() { exit = before }
}

// Culprit is what the watchdog of l would say now.
func Culprit(l *Loop) (where, stack string) { return l.culprit() }

// Asleep reports whether l waits for something to do.
func Asleep(l *Loop) bool { return l.asleep.Load() }

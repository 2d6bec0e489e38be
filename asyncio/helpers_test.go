package asyncio_test

import "log/slog"

// setDefaultLogger makes l slog's default and returns what undoes it.
func setDefaultLogger(l *slog.Logger) (undo func()) {
	before := slog.Default()
	slog.SetDefault(l)
	return func() { slog.SetDefault(before) }
}

// A testKey is the key of a value in a context.
type testKey struct{}

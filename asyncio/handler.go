package asyncio

import "log/slog"

// A LoopError is what an exception handler is told about: something went wrong
// where nobody waits for it.
type LoopError struct {
	// Message says what happened.
	Message string
	// Err is the error.
	Err error
	// Future is the text of the task or future, if it is about one.
	Future string
	// Created is the stack of the creation of the task, in debug mode.
	Created string
}

// CallExceptionHandler tells l's exception handler, or its log if it has none,
// of e. A handler that panics is itself reported, and e is logged.
//
// Python: loop.call_exception_handler.
func (l *Loop) CallExceptionHandler(e LoopError) {
	if l.opts.ExceptionHandler == nil {
		l.DefaultExceptionHandler(e)
		return
	}
	defer func() {
		if v := recover(); v != nil {
			l.logger().Error("Unhandled error in exception handler", "panic", v)
			l.DefaultExceptionHandler(e)
		}
	}()
	l.opts.ExceptionHandler(l, e)
}

// DefaultExceptionHandler logs e.
//
// Python: loop.default_exception_handler.
func (l *Loop) DefaultExceptionHandler(e LoopError) {
	attrs := []any{slog.Any("error", e.Err)}
	if e.Future != "" {
		attrs = append(attrs, slog.String("future", e.Future))
	}
	if e.Created != "" {
		attrs = append(attrs, slog.String("created", e.Created))
	}
	l.logger().Error(e.Message, attrs...)
}

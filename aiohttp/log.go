package aiohttp

import (
	"context"
	"log/slog"
	"time"
)

// LogRequests writes a line for each request that reaches it: method, URL
// without user, password, query and fragment, status, duration, error. Headers
// and bodies are never written. Failures are warnings, others of the given level.
func LogRequests(logger *slog.Logger, level slog.Level) Middleware {
	if logger == nil {
		logger = slog.Default()
	}
	return func(ctx context.Context, req *Request, next Handler) (*Response, error) {
		start := time.Now()
		resp, err := next(ctx, req)
		attrs := []slog.Attr{
			slog.String("method", req.Method),
			slog.String("url", redactURL(req.URL)),
			slog.Duration("took", time.Since(start)),
		}
		if err != nil {
			logger.LogAttrs(ctx, slog.LevelWarn, "request failed", append(attrs, slog.String("error", err.Error()))...)
			return nil, err
		}
		logger.LogAttrs(ctx, level, "request", append(attrs, slog.Int("status", resp.Status), slog.Int64("length", resp.ContentLength))...)
		return resp, nil
	}
}

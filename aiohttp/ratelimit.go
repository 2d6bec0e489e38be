package aiohttp

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateOptions configures [RateLimit]. A nil pointer or a zero field means the default.
type RateOptions struct {
	// PerSecond is how many requests a host gets a second. Default: no limit.
	PerSecond float64
	// Burst is how many may go at once after a pause. Default: 1.
	Burst int
	// AtOnce is how many a host has in flight, from the request to the answer's header. Default: no limit.
	AtOnce int
	// Key names what shares a limit. Default: the URL's host.
	Key func(req *Request) string
}

const maxRateHosts = 4096

// RateLimit keeps the requests to each host within a rate. A request waits for
// its turn, in order; the caller's ctx and Total end the wait.
//
// Python: RateLimitMiddleware of aiohttp-client-middlewares.
func RateLimit(opts *RateOptions) Middleware {
	var o RateOptions
	if opts != nil {
		o = *opts
	}
	setDefault(&o.Burst, 1)
	if o.Key == nil {
		o.Key = func(req *Request) string { return req.URL.Host }
	}
	l := &rateLimiter{opts: o, hosts: make(map[string]*hostRate)}
	return l.send
}

type rateLimiter struct {
	opts RateOptions

	mu    sync.Mutex // guards following
	hosts map[string]*hostRate
}

// A hostRate is one host's limit.
type hostRate struct {
	limiter *rate.Limiter
	turns   turnstile
	users   int // guarded by the rateLimiter's lock
}

func (l *rateLimiter) send(ctx context.Context, req *Request, next Handler) (*Response, error) {
	key := l.opts.Key(req)
	h := l.enter(key)
	defer l.leave(h)
	if l.opts.AtOnce > 0 {
		if err := h.turns.enter(ctx); err != nil {
			return nil, err
		}
		defer h.turns.leave()
	}
	if h.limiter != nil {
		r := h.limiter.Reserve()
		if err := sleep(ctx, r.Delay()); err != nil {
			r.Cancel()
			return nil, err
		}
	}
	return next(ctx, req)
}

func (l *rateLimiter) enter(key string) *hostRate {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.hosts[key]
	if h == nil {
		if len(l.hosts) >= maxRateHosts {
			l.forgetLocked()
		}
		h = &hostRate{turns: turnstile{free: l.opts.AtOnce}}
		if l.opts.PerSecond > 0 {
			h.limiter = rate.NewLimiter(rate.Limit(l.opts.PerSecond), l.opts.Burst)
		}
		l.hosts[key] = h
	}
	h.users++
	return h
}

func (l *rateLimiter) leave(h *hostRate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.users--
}

// forgetLocked drops hosts that nobody uses and whose burst is full again.
func (l *rateLimiter) forgetLocked() {
	now := time.Now()
	for key, h := range l.hosts {
		if h.users == 0 && (h.limiter == nil || h.limiter.TokensAt(now) >= float64(l.opts.Burst)) {
			delete(l.hosts, key)
		}
	}
}

package aiohttp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// RetryOptions configures [Retry] and the retries of a download. A nil pointer or
// a zero field means the default.
type RetryOptions struct {
	// Attempts is how often a request is sent at most, the first time included. Default: 4.
	Attempts int
	// Delay is the pause after the first attempt, which doubles with each. A random part of up to
	// half of it is taken away. Default: 200ms.
	Delay time.Duration
	// MaxDelay bounds the pause. Default: 30s.
	MaxDelay time.Duration
	// MaxRetryAfter is the longest pause a server's Retry-After may ask for; the
	// answer that asks for a longer one is returned. Default: 2m.
	MaxRetryAfter time.Duration
	// Methods that may be sent again. Default: the idempotent ones; a request with
	// an Idempotency-Key header may always.
	Methods []string
	// Statuses that are tried again. Default: 408, 425, 429, 500, 502, 503, 504.
	Statuses []int
	// Budget is how many retries there may be for each request, by host, so that retries
	// do not bury a server that is down. Ten are free. Default: 0.2. Negative: no bound.
	Budget float64
	// OnRetry is told before each pause, with the response (its body must not be read) or the error.
	OnRetry func(req *Request, attempt int, pause time.Duration, resp *Response, err error)
}

func (o *RetryOptions) withDefaults() RetryOptions {
	var r RetryOptions
	if o != nil {
		r = *o
	}
	setDefault(&r.Attempts, 4)
	setDefault(&r.Delay, 200*time.Millisecond)
	setDefault(&r.MaxDelay, 30*time.Second)
	setDefault(&r.MaxRetryAfter, 2*time.Minute)
	setDefault(&r.Budget, 0.2)
	if r.Statuses == nil {
		r.Statuses = []int{408, 425, 429, 500, 502, 503, 504}
	}
	return r
}

// Retry sends a request again that failed for a reason that may pass: no
// connection, a timeout of a phase, a status that says so. It keeps to methods
// that may be repeated and to bodies that are replayable, grows its pauses,
// obeys Retry-After, and stops when the caller's ctx or Total ends.
//
// Python: what tenacity or aiohttp_retry is used for.
func Retry(opts *RetryOptions) Middleware {
	o := opts.withDefaults()
	b := &budget{perRequest: o.Budget, hosts: make(map[string]*float64)}
	return func(ctx context.Context, req *Request, next Handler) (*Response, error) {
		b.earn(req.URL.Host)
		for attempt := 1; ; attempt++ {
			resp, err := next(ctx, req)
			pause, again := o.decide(ctx, req, attempt, resp, err)
			if !again || !b.spend(req.URL.Host) {
				return resp, err
			}
			if o.OnRetry != nil {
				o.OnRetry(req, attempt, pause, resp, err)
			}
			if resp != nil {
				resp.Close()
			}
			if serr := sleep(ctx, pause); serr != nil {
				return nil, serr
			}
		}
	}
}

// decide reports whether to try again, and after which pause.
func (o *RetryOptions) decide(ctx context.Context, req *Request, attempt int, resp *Response, err error) (time.Duration, bool) {
	if attempt >= o.Attempts || ctx.Err() != nil || !o.mayRepeat(req) || !req.Body.canSend() {
		return 0, false
	}
	if err != nil {
		return o.pause(attempt), transient(err)
	}
	if !slices.Contains(o.Statuses, resp.Status) {
		return 0, false
	}
	if after, ok := retryAfter(resp.Header, time.Now()); ok {
		return after, after <= o.MaxRetryAfter
	}
	return o.pause(attempt), true
}

func (o *RetryOptions) mayRepeat(req *Request) bool {
	if req.Header.Get("Idempotency-Key") != "" {
		return true
	}
	if o.Methods == nil {
		return idempotent(req.Method)
	}
	return slices.Contains(o.Methods, req.Method)
}

// pause is the delay after the given attempt: doubled each time, and jittered so that
// clients which failed together do not come back together.
func (o *RetryOptions) pause(attempt int) time.Duration {
	d := o.MaxDelay
	if shift := attempt - 1; shift < 30 {
		d = min(o.Delay<<shift, o.MaxDelay)
	}
	if d <= 0 {
		return 0
	}
	return d - rand.N(d/2+1)
}

// transient reports whether err may be gone the next time.
func transient(err error) bool {
	switch {
	case errors.Is(err, ErrCertificate), errors.Is(err, ErrFingerprint), errors.Is(err, ErrProxyStatus):
		return false
	case errors.Is(err, context.Canceled), isCallersDeadline(err):
		return false
	}
	if t, ok := errors.AsType[*TimeoutError](err); ok {
		return t.Phase != PhaseTotal
	}
	return errors.Is(err, ErrConnection)
}

// retryAfter reads the header (RFC 9110 §10.2.3): seconds or a date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second, true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}

// sleep waits d or until ctx ends; a task is suspended.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return park.Cause(ctx)
	}
	var t *time.Timer
	err := park.Wait(ctx, func(wake func()) { t = time.AfterFunc(d, wake) })
	t.Stop()
	return err
}

// A budget lets retries of a host be only a fraction of its requests.
type budget struct {
	perRequest float64

	mu    sync.Mutex // guards following
	hosts map[string]*float64
}

const (
	freeRetries    = 10
	maxBudgetHosts = 4096
)

func (b *budget) earn(host string) {
	if b.perRequest < 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.hosts[host]
	if left == nil {
		if len(b.hosts) >= maxBudgetHosts {
			clear(b.hosts)
		}
		left = new(float64(freeRetries))
		b.hosts[host] = left
	}
	*left = min(*left+b.perRequest, 100)
}

func (b *budget) spend(host string) bool {
	if b.perRequest < 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.hosts[host]
	if left == nil || *left < 1 {
		return false
	}
	*left--
	return true
}

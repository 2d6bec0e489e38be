// Package backoff says how long to wait before a request is tried again.
package backoff

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Policy is how delays grow. The zero Policy is the default.
type Policy struct {
	// First is the longest delay before the second attempt; it doubles with each
	// attempt after that. Default: 200ms.
	First time.Duration
	// Max is what a delay grows to. Default: 20s.
	Max time.Duration
}

// Delay returns the time to wait after the failed attempt with this number,
// counted from 1: a random time between one half and the whole of First,
// doubled attempt-1 times, at most Max. A server that asked for a longer wait
// gets it, and up to a tenth more, so that those who were refused together do not
// come back together.
func (p Policy) Delay(attempt int, asked time.Duration) time.Duration {
	d := or(p.First, 200*time.Millisecond)
	limit := or(p.Max, 20*time.Second)
	for ; attempt > 1 && d < limit; attempt-- {
		d *= 2
	}
	d = min(d, limit)
	d = d/2 + jitter(d/2)
	if asked >= d {
		return asked + jitter(asked/10)
	}
	return d
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// RetryAfter reads the header of that name (RFC 9110 §10.2.3), which holds
// seconds or a date. It returns 0 if there is none that can be read, or the time
// is past.
func RetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

package backoff_test

import (
	"testing"
	"time"

	"github.com/quartet-go/quartet/cmd/quartet/internal/backoff"
)

func TestDelayGrowsWithinItsBounds(t *testing.T) {
	p := backoff.Policy{First: 100 * time.Millisecond, Max: time.Second}
	for _, tt := range []struct {
		attempt int
		whole   time.Duration
	}{
		{1, 100 * time.Millisecond},
		{2, 200 * time.Millisecond},
		{3, 400 * time.Millisecond},
		{4, 800 * time.Millisecond},
		{5, time.Second},
		{1000, time.Second},
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			d := p.Delay(tt.attempt, 0)
			if d < tt.whole/2 || d > tt.whole {
				t.Fatalf("Delay(%d) = %v, want between %v and %v", tt.attempt, d, tt.whole/2, tt.whole)
			}
			seen[d] = true
		}
		if len(seen) < 100 {
			t.Errorf("Delay(%d): %d different delays in 200, want jitter", tt.attempt, len(seen))
		}
	}
}

func TestDelayKeepsToRetryAfter(t *testing.T) {
	var p backoff.Policy
	for _, asked := range []time.Duration{time.Second, time.Minute} {
		for range 100 {
			if d := p.Delay(1, asked); d < asked || d > asked+asked/10 {
				t.Fatalf("Delay(1, %v) = %v, want at most a tenth more", asked, d)
			}
		}
	}
	if d := p.Delay(9, time.Second); d < 10*time.Second {
		t.Errorf("Delay(9, 1s) = %v: a short Retry-After made the ninth delay short", d)
	}
	if d := p.Delay(1, 0); d < 100*time.Millisecond || d > 200*time.Millisecond {
		t.Errorf("the zero Policy: Delay(1) = %v, want its documented default", d)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"0", 0},
		{" 120 ", 2 * time.Minute},
		{"-5", 0},
		{"1.5", 0},
		{"soon", 0},
		{"99999999999999999999", 0},
		{"Sun, 22 Nov 2026 10:01:30 GMT", 90 * time.Second},
		{"Sun, 22 Nov 2026 09:00:00 GMT", 0},
	} {
		if got := backoff.RetryAfter(tt.value, now); got != tt.want {
			t.Errorf("RetryAfter(%q) = %v, want %v", tt.value, got, tt.want)
		}
	}
}

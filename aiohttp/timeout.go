package aiohttp

import (
	"sync"
	"time"
)

// A Phase is a part of a request's life that has a time limit of its own.
type Phase string

// The phases, in the order of a request's life. [PhaseTotal] is all of it.
const (
	PhasePool      Phase = "waiting for a free connection"
	PhaseDial      Phase = "connecting"
	PhaseTLS       Phase = "the TLS handshake"
	PhaseWrite     Phase = "sending"
	PhaseFirstByte Phase = "waiting for the answer"
	PhaseRead      Phase = "waiting for more of the body"
	PhaseTotal     Phase = "the whole request"
)

// Timeouts limits the phases of a request. A zero field means the default, a
// negative one no limit. No default ends a transfer that makes progress.
//
// Python: aiohttp.ClientTimeout. Differs: waiting in the pool has a limit of its
// own, there is one for sending, and Total has none by default.
type Timeouts struct {
	// Total is from the call to the end of the body, redirects and retries included. Default: no limit.
	Total time.Duration
	// Pool is the wait for a free place among those in flight. Default: no limit.
	Pool time.Duration
	// Dial is name lookup and connecting, proxies included. Default: 30s.
	Dial time.Duration
	// TLS is the handshake. Default: 30s.
	TLS time.Duration
	// Write is the longest time in which nothing of the request could be sent. Default: 5m.
	Write time.Duration
	// FirstByte is from the end of sending to the end of the answer's header. Default: 5m.
	FirstByte time.Duration
	// Read is the longest wait for more of the body, while somebody reads. Default: 5m.
	Read time.Duration
}

var defaultTimeouts = Timeouts{
	Total: -1, Pool: -1,
	Dial: 30 * time.Second, TLS: 30 * time.Second,
	Write: 5 * time.Minute, FirstByte: 5 * time.Minute, Read: 5 * time.Minute,
}

// over returns t with its zero fields filled from base.
func (t Timeouts) over(base Timeouts) Timeouts {
	fill := func(d *time.Duration, b time.Duration) {
		if *d == 0 {
			*d = b
		}
	}
	fill(&t.Total, base.Total)
	fill(&t.Pool, base.Pool)
	fill(&t.Dial, base.Dial)
	fill(&t.TLS, base.TLS)
	fill(&t.Write, base.Write)
	fill(&t.FirstByte, base.FirstByte)
	fill(&t.Read, base.Read)
	return t
}

// A watch ends what takes too long. Its timer is moved as rarely as possible: a
// deadline that is put off only notes it, and the timer catches up when it fires.
type watch struct {
	mu       sync.Mutex          // guards following
	victim   interface{ kill() } // called once, without the lock
	timer    *time.Timer
	armed    time.Time // when timer fires; zero if it will not
	deadline time.Time // zero: no limit now
	limit    time.Duration
	phase    Phase
	fired    *TimeoutError
	limits   *Timeouts // of the exchange that uses the connection, while it sends
}

// set starts a phase now; a limit of zero or less is none.
func (w *watch) set(phase Phase, limit time.Duration, now time.Time) {
	w.mu.Lock()
	w.setLocked(phase, limit, now)
	w.mu.Unlock()
}

func (w *watch) setLocked(phase Phase, limit time.Duration, now time.Time) {
	if limit <= 0 {
		w.deadline = time.Time{}
		return
	}
	w.phase, w.limit = phase, limit
	w.deadline = now.Add(limit)
	if !w.armed.IsZero() && !w.deadline.Before(w.armed) {
		return
	}
	w.armed = w.deadline
	if w.timer == nil {
		w.timer = time.AfterFunc(limit, w.fire)
	} else {
		w.timer.Reset(limit)
	}
}

// sending starts the life of an exchange; until clear, wrote moves it on.
func (w *watch) sending(limits *Timeouts, now time.Time) {
	w.mu.Lock()
	w.limits = limits
	w.setLocked(PhaseWrite, limits.Write, now)
	w.mu.Unlock()
}

// wrote notes that bytes of the request left.
func (w *watch) wrote() {
	w.mu.Lock()
	if w.limits != nil {
		w.setLocked(PhaseFirstByte, w.limits.FirstByte, time.Now())
	}
	w.mu.Unlock()
}

// writing notes that bytes of the request are about to leave.
func (w *watch) writing() {
	w.mu.Lock()
	if w.limits != nil && w.phase != PhaseWrite {
		w.setLocked(PhaseWrite, w.limits.Write, time.Now())
	}
	w.mu.Unlock()
}

// rest is clear, and reports whether the watch never fired.
func (w *watch) rest() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline, w.limits = time.Time{}, nil
	return w.fired == nil
}

// clear ends the current phase.
func (w *watch) clear() {
	w.mu.Lock()
	w.deadline, w.limits = time.Time{}, nil
	w.mu.Unlock()
}

// stop ends the watch and its timer.
func (w *watch) stop() {
	w.mu.Lock()
	w.deadline, w.limits, w.armed = time.Time{}, nil, time.Time{}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
}

// forget ends a phase and makes the watch ready for another victim; false if it
// fired. Its timer may still run.
func (w *watch) forget() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline, w.victim = time.Time{}, nil
	return w.fired == nil
}

// err returns the TimeoutError of a watch that has fired.
func (w *watch) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fired == nil {
		return nil
	}
	return w.fired
}

func (w *watch) fire() {
	w.mu.Lock()
	if w.deadline.IsZero() || w.fired != nil {
		w.armed = time.Time{}
		w.mu.Unlock()
		return
	}
	if left := time.Until(w.deadline); left > 0 {
		w.armed = w.deadline
		w.timer.Reset(left)
		w.mu.Unlock()
		return
	}
	w.fired = &TimeoutError{Phase: w.phase, Limit: w.limit}
	victim := w.victim
	w.mu.Unlock()
	if victim != nil {
		victim.kill()
	}
}

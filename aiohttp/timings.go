package aiohttp

import "time"

// times are the moments of an exchange.
type times struct{ begin, placed, connected, answered time.Time }

// Timings tell how long the phases of the last hop took. Without a pool of ours
// all are zero.
type Timings struct {
	// Pool is the wait for a place in flight.
	Pool time.Duration
	// Connect is until there was a connection; next to nothing if Reused. Of it, DNS, Dial
	// and TLS were spent on the connection when it was made, for another request maybe.
	Connect, DNS, Dial, TLS time.Duration
	Reused                  bool
	// FirstByte is from there until the answer's header had come, sending included.
	FirstByte time.Duration
	// Body is from there until the body ended or was closed; zero before.
	Body time.Duration
}

// Timings returns how long the phases took.
func (r *Response) Timings() Timings {
	x := r.life.x
	if x == nil {
		return Timings{}
	}
	t := Timings{
		Pool: x.times.placed.Sub(x.times.begin), Connect: x.times.connected.Sub(x.times.placed),
		FirstByte: x.times.answered.Sub(x.times.connected),
		DNS:       x.k.dnsTook, Dial: x.k.dialTook, TLS: x.k.tlsTook, Reused: x.reused,
	}
	r.life.mu.Lock()
	defer r.life.mu.Unlock()
	if !r.life.endedAt.IsZero() {
		t.Body = max(r.life.endedAt.Sub(x.times.answered), 0)
	}
	return t
}

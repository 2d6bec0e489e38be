package aiohttp

import "time"

// HungUp is how many idle connections of c the peer has closed.
func HungUp(c *Connector) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for k := c.idle.first; k != nil; k = k.next {
		if k.h1.hungUp() {
			n++
		}
	}
	return n
}

// AgeIdle makes the idle connections of c older.
func AgeIdle(c *Connector, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := c.idle.first; k != nil; k = k.next {
		k.idleSince, k.born = k.idleSince.Add(-d), k.born.Add(-d)
	}
}

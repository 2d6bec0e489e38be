package aiohttp

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quartet-go/quartet/internal/park"
)

// A Resolver finds the addresses of a host. [net.Resolver] is one. network is "ip".
//
// Python: aiohttp.abc.AbstractResolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

const (
	maxDNSEntries = 1024
	lookupTimeout = 30 * time.Second
)

// A dnsCache remembers addresses, and lets those who ask for the same host at
// the same time share one lookup.
type dnsCache struct {
	resolver Resolver
	ttl      time.Duration
	stop     context.CancelFunc
	ctx      context.Context // of the lookups: the cache outlives each who asks

	mu      sync.Mutex // guards following
	entries map[string]*dnsEntry
	running sync.WaitGroup
}

type dnsEntry struct {
	done    bool
	wakes   []func()
	addrs   []netip.Addr
	err     error
	expires time.Time
	next    int // rotates the addresses
}

func newDNSCache(r Resolver, ttl time.Duration) *dnsCache {
	ctx, stop := context.WithCancel(context.Background()) //nolint:contextcheck // lookups belong to the cache
	return &dnsCache{resolver: r, ttl: ttl, ctx: ctx, stop: stop, entries: make(map[string]*dnsEntry)}
}

// close gives the lookups up and waits for them.
func (d *dnsCache) close() {
	d.stop()
	d.running.Wait()
}

// lookup returns the addresses of a host, from the cache or by a lookup that is
// shared: whose ctx ends stops waiting, the lookup goes on.
func (d *dnsCache) lookup(ctx context.Context, name string, tr *requestTrace) ([]netip.Addr, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	d.mu.Lock()
	e := d.entries[name]
	if e != nil && e.done && !time.Now().Before(e.expires) {
		e = nil
	}
	hit := e != nil && e.done
	if e == nil {
		e = &dnsEntry{}
		d.makeRoomLocked()
		d.entries[name] = e
		d.running.Add(1)
		go d.resolve(name, e)
	}
	d.mu.Unlock()
	if tr != nil {
		tr.dns(name, hit, true)
		defer tr.dns(name, hit, false)
	}
	if err := park.Wait(ctx, func(wake func()) {
		d.mu.Lock()
		done := e.done
		if !done {
			e.wakes = append(e.wakes, wake)
		}
		d.mu.Unlock()
		if done {
			wake()
		}
	}); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	// Each caller starts at another address, so that load spreads over them.
	k := e.next % len(e.addrs)
	e.next++
	return slices.Concat(e.addrs[k:], e.addrs[:k]), nil
}

func (d *dnsCache) resolve(name string, e *dnsEntry) {
	defer d.running.Done()
	ctx, cancel := context.WithTimeout(d.ctx, lookupTimeout)
	defer cancel()
	addrs, err := d.resolver.LookupNetIP(ctx, "ip", name)
	if err == nil && len(addrs) == 0 {
		err = errNoAddress
	}
	d.mu.Lock()
	e.done, e.addrs, e.err = true, addrs, err
	e.expires = time.Now().Add(d.ttl)
	if err != nil || d.ttl < 0 {
		if d.entries[name] == e {
			delete(d.entries, name)
		}
	}
	wakes := e.wakes
	e.wakes = nil
	d.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// makeRoomLocked drops what expired, else the entry that expires first.
func (d *dnsCache) makeRoomLocked() {
	if len(d.entries) < maxDNSEntries {
		return
	}
	now := time.Now()
	var oldest string
	var at time.Time
	for name, e := range d.entries {
		switch {
		case !e.done:
		case !now.Before(e.expires):
			delete(d.entries, name)
		case oldest == "" || e.expires.Before(at):
			oldest, at = name, e.expires
		}
	}
	if len(d.entries) >= maxDNSEntries {
		delete(d.entries, oldest)
	}
}

// oddAddress reports whether name is an IPv4 address in one of the forms that
// only the C library takes: 2130706433, 127.1, 0177.0.0.1, 0x7f.1. Such a form
// gets around checks of the host, so it is refused.
func oddAddress(name string) bool {
	last := name[strings.LastIndexByte(strings.TrimSuffix(name, "."), '.')+1:]
	last = strings.TrimSuffix(last, ".")
	if last == "" {
		return false
	}
	if h, ok := strings.CutPrefix(strings.ToLower(last), "0x"); ok {
		return strings.Trim(h, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

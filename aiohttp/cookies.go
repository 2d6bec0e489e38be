package aiohttp

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/publicsuffix"
)

// CookieJarOptions configures a [CookieJar]. A nil pointer or a zero field means the default.
type CookieJarOptions struct {
	// PublicSuffix returns the public suffix of a domain. Default: the list of golang.org/x/net.
	PublicSuffix func(domain string) string
	// RefuseIP refuses cookies of hosts that are IP addresses, as Python does by default.
	RefuseIP bool
	// MaxPerHost and MaxTotal bound the jar; the cookies used least recently go first.
	// Default: 180 and 3000.
	MaxPerHost, MaxTotal int
	// TreatAsSecure reports whether an http URL may have secure cookies. Default: none may but loopback's.
	TreatAsSecure func(u *url.URL) bool
}

const maxCookieBytes = 4096 // name and value; RFC 6265 §6.1

// A CookieJar keeps cookies by the rules of RFC 6265 and of its successor's
// prefixes, public suffixes and protection of secure cookies. It is safe for use
// by many goroutines.
//
// Python: aiohttp.CookieJar; its unsafe= is our default (see RefuseIP), and NoCookies is DummyCookieJar.
type CookieJar struct {
	opts CookieJarOptions
	off  bool
	used atomic.Bool // some cookie was kept, once

	mu      sync.Mutex // guards following
	cookies map[cookieKey]*Cookie
	seq     uint64
}

type cookieKey struct{ domain, path, name string }

// A Cookie is one cookie of a [CookieJar].
type Cookie struct {
	Name, Value string
	// Domain without a leading dot, in lower case. HostOnly: it is sent to that host alone.
	Domain   string
	HostOnly bool
	Path     string
	Secure   bool
	HTTPOnly bool
	SameSite string // "", "Lax", "Strict" or "None"; kept, not acted on
	// Expires is zero for a cookie of the session.
	Expires time.Time
	Created time.Time

	seq  uint64
	used uint64
}

// NewCookieJar returns an empty jar.
func NewCookieJar(opts *CookieJarOptions) *CookieJar {
	j := &CookieJar{cookies: make(map[cookieKey]*Cookie)}
	if opts != nil {
		j.opts = *opts
	}
	if j.opts.PublicSuffix == nil {
		j.opts.PublicSuffix = func(d string) string { s, _ := publicsuffix.PublicSuffix(d); return s }
	}
	setDefault(&j.opts.MaxPerHost, 180)
	setDefault(&j.opts.MaxTotal, 3000)
	return j
}

// NoCookies returns a jar that keeps nothing.
func NoCookies() *CookieJar { return &CookieJar{off: true} }

// SetFromHeader takes the Set-Cookie headers of an answer from u. What the rules
// refuse is left out without a sign, as browsers do.
func (j *CookieJar) SetFromHeader(u *url.URL, setCookie []string) {
	if j.off {
		return
	}
	now := time.Now()
	for _, line := range setCookie {
		if c, ok := parseSetCookie(line, now); ok {
			j.add(u, c, now)
		}
	}
}

// Set puts cookies in as if u had set them.
func (j *CookieJar) Set(u *url.URL, cookies ...*Cookie) {
	if j.off {
		return
	}
	now := time.Now()
	for _, c := range cookies {
		k := *c
		k.Domain = strings.ToLower(strings.TrimPrefix(k.Domain, "."))
		j.add(u, &k, now)
	}
}

// add applies RFC 6265 §5.3 to a cookie whose Domain and Path are what the server said.
func (j *CookieJar) add(u *url.URL, c *Cookie, now time.Time) {
	hostname := canonicalHost(u.Hostname())
	secure := j.secure(u)
	if len(c.Name)+len(c.Value) > maxCookieBytes || !j.setDomain(c, hostname) {
		return
	}
	pathGiven := c.Path
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = defaultPath(exactPath(u))
	}
	if c.Secure && !secure || !prefixHolds(c, pathGiven, secure) {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !c.Secure && !secure && j.shadowsSecureLocked(c) {
		return
	}
	key := cookieKey{c.Domain, c.Path, c.Name}
	old := j.cookies[key]
	if !c.Expires.IsZero() && !c.Expires.After(now) {
		delete(j.cookies, key)
		return
	}
	j.seq++
	c.Created, c.seq, c.used = now, j.seq, j.seq
	if old != nil {
		c.Created, c.seq = old.Created, old.seq
	}
	j.cookies[key] = c
	j.used.Store(true)
	if old == nil {
		j.evictLocked(c.Domain, now)
	}
}

// setDomain decides whether the cookie's Domain is good for the host (§5.3, steps 4-6).
func (j *CookieJar) setDomain(c *Cookie, hostname string) bool {
	_, err := netip.ParseAddr(hostname)
	isIP := err == nil
	if isIP && j.opts.RefuseIP {
		return false
	}
	if c.Domain == "" || c.Domain == hostname {
		if c.Domain != "" && !isIP && j.isPublicSuffix(c.Domain) {
			c.Domain = ""
		}
		c.HostOnly = c.HostOnly || c.Domain == "" || isIP
		c.Domain = hostname
		return hostname != ""
	}
	c.HostOnly = false
	return !isIP && !j.isPublicSuffix(c.Domain) && domainMatch(hostname, c.Domain)
}

func (j *CookieJar) isPublicSuffix(domain string) bool { return j.opts.PublicSuffix(domain) == domain }

func (j *CookieJar) secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	if j.opts.TreatAsSecure != nil {
		return j.opts.TreatAsSecure(u)
	}
	return isLoopback(u.Hostname())
}

func isLoopback(hostname string) bool {
	if hostname == "localhost" || strings.HasSuffix(hostname, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(hostname)
	return err == nil && ip.IsLoopback()
}

// prefixHolds checks the promises of __Secure- and __Host- (RFC 6265bis §4.1.3), without regard to case.
func prefixHolds(c *Cookie, pathGiven string, secure bool) bool {
	name := strings.ToLower(c.Name)
	if c.Name == "" {
		name = strings.ToLower(c.Value)
		return !strings.HasPrefix(name, "__secure-") && !strings.HasPrefix(name, "__host-")
	}
	switch {
	case strings.HasPrefix(name, "__secure-"):
		return c.Secure && secure
	case strings.HasPrefix(name, "__host-"):
		return c.Secure && secure && c.HostOnly && pathGiven == "/"
	}
	return true
}

// shadowsSecureLocked reports whether c, from an insecure origin, would take the
// place of a secure cookie (RFC 6265bis §5.7, step 15).
func (j *CookieJar) shadowsSecureLocked(c *Cookie) bool {
	for _, o := range j.cookies {
		if o.Secure && o.Name == c.Name && pathMatch(c.Path, o.Path) &&
			(domainMatch(o.Domain, c.Domain) || domainMatch(c.Domain, o.Domain)) {
			return true
		}
	}
	return false
}

// evictLocked brings the jar back under its limits: expired cookies go first, then those used least recently.
func (j *CookieJar) evictLocked(domain string, now time.Time) {
	perHost := 0
	for _, c := range j.cookies {
		if c.Domain == domain {
			perHost++
		}
	}
	if perHost <= j.opts.MaxPerHost && len(j.cookies) <= j.opts.MaxTotal {
		return
	}
	for k, c := range j.cookies {
		if c.expired(now) {
			delete(j.cookies, k)
			if c.Domain == domain {
				perHost--
			}
		}
	}
	for perHost > j.opts.MaxPerHost {
		j.dropOldestLocked(func(c *Cookie) bool { return c.Domain == domain })
		perHost--
	}
	for len(j.cookies) > j.opts.MaxTotal {
		j.dropOldestLocked(func(*Cookie) bool { return true })
	}
}

func (j *CookieJar) dropOldestLocked(among func(*Cookie) bool) {
	var oldest *Cookie
	for _, c := range j.cookies {
		if among(c) && (oldest == nil || c.used < oldest.used) {
			oldest = c
		}
	}
	delete(j.cookies, cookieKey{oldest.Domain, oldest.Path, oldest.Name})
}

func (c *Cookie) expired(now time.Time) bool { return !c.Expires.IsZero() && !c.Expires.After(now) }

// Cookies returns the cookies that a request to u sends, in the order of the
// header: longer paths first, then older cookies. The same name may come more than once.
func (j *CookieJar) Cookies(u *url.URL) []*Cookie {
	if j.off {
		return nil
	}
	hostname, path, secure := canonicalHost(u.Hostname()), exactPath(u), j.secure(u)
	if path == "" {
		path = "/"
	}
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*Cookie
	for k, c := range j.cookies {
		switch {
		case c.expired(now):
			delete(j.cookies, k)
		case c.HostOnly && hostname != c.Domain, !domainMatch(hostname, c.Domain),
			!pathMatch(path, c.Path), c.Secure && !secure:
		default:
			j.seq++
			c.used = j.seq
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *Cookie) int {
		return cmp.Or(cmp.Compare(len(b.Path), len(a.Path)), cmp.Compare(a.seq, b.seq))
	})
	for i, c := range out {
		out[i] = new(*c)
	}
	return out
}

// All returns every cookie that has not expired, in order of creation.
func (j *CookieJar) All() []*Cookie {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*Cookie
	for _, c := range j.cookies {
		if !c.expired(now) {
			out = append(out, new(*c))
		}
	}
	slices.SortFunc(out, func(a, b *Cookie) int { return cmp.Compare(a.seq, b.seq) })
	return out
}

// Clear removes the cookies for which del returns true; all, if del is nil.
func (j *CookieJar) Clear(del func(c *Cookie) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for k, c := range j.cookies {
		if del == nil || del(new(*c)) {
			delete(j.cookies, k)
		}
	}
}

// ClearDomain removes the cookies of a domain and of those below it.
func (j *CookieJar) ClearDomain(domain string) {
	domain = canonicalHost(domain)
	j.Clear(func(c *Cookie) bool { return domainMatch(c.Domain, domain) })
}

// addCookies puts the Cookie header into a request: its own cookies, if it is
// still where they belong, and the jar's.
func (s *Session) addCookies(r *Request) {
	var parts []string
	named := map[string]bool(nil)
	if originOf(r.URL) == r.origin {
		parts = append(parts, r.cookies...)
		for _, name := range sortedKeys(r.opts.Cookies) {
			if named == nil {
				named = make(map[string]bool)
			}
			named[name] = true
			parts = append(parts, name+"="+r.opts.Cookies[name])
		}
	}
	if s.opts.Jar.used.Load() {
		for _, c := range s.opts.Jar.Cookies(r.URL) {
			if !named[c.Name] {
				parts = append(parts, c.pair())
			}
		}
	}
	if len(parts) > 0 {
		r.own()["Cookie"] = []string{strings.Join(parts, "; ")}
	}
}

func sortedKeys(m map[string]string) []string {
	if len(m) == 0 {
		return nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *Cookie) pair() string {
	if c.Name == "" {
		return c.Value
	}
	return c.Name + "=" + c.Value
}

// String returns the cookie as a Set-Cookie header would set it.
func (c *Cookie) String() string {
	s := c.Name + "=" + c.Value + "; Path=" + c.Path
	if !c.HostOnly {
		s += "; Domain=" + c.Domain
	}
	if !c.Expires.IsZero() {
		s += "; Expires=" + c.Expires.UTC().Format(http.TimeFormat)
	}
	if c.Secure {
		s += "; Secure"
	}
	if c.HTTPOnly {
		s += "; HttpOnly"
	}
	if c.SameSite != "" {
		s += fmt.Sprintf("; SameSite=%s", c.SameSite)
	}
	return s
}

func canonicalHost(h string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(h, "."), "."))
}

// domainMatch is RFC 6265 §5.1.3.
func domainMatch(host, domain string) bool {
	if host == domain {
		return true
	}
	if !strings.HasSuffix(host, "."+domain) {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}

// defaultPath is RFC 6265 §5.1.4.
func defaultPath(p string) string {
	if !strings.HasPrefix(p, "/") {
		return "/"
	}
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "/"
}

// pathMatch is RFC 6265 §5.1.4.
func pathMatch(path, cookie string) bool {
	if path == cookie {
		return true
	}
	return strings.HasPrefix(path, cookie) && (strings.HasSuffix(cookie, "/") || path[len(cookie)] == '/')
}

package aiohttp

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Digest answers digest challenges (RFC 7616) of one origin: MD5, SHA, SHA-256,
// SHA-512/256, SHA-512, their -sess forms, qop auth and auth-int. After the first challenge it sends
// credentials at once where the challenge's domain says they belong. originURL
// is any URL of the origin; no other origin ever gets an answer.
//
// Python: aiohttp.DigestAuthMiddleware.
func Digest(originURL, user, password string) (Middleware, error) {
	home, err := parseOrigin(originURL)
	if err != nil {
		return nil, err
	}
	d := &digestAuth{home: home, user: user, password: password}
	return d.send, nil
}

type digestAuth struct {
	home           origin
	user, password string

	mu        sync.Mutex // guards following
	challenge *digestChallenge
	count     uint32 // requests with the challenge's nonce
}

type digestChallenge struct {
	realm, nonce, opaque, algorithm string
	qops                            []string // nil: RFC 2069
	domain                          []string
	stale                           bool
	userhash                        bool
}

func (d *digestAuth) send(ctx context.Context, req *Request, next Handler) (*Response, error) {
	if originOf(req.URL) != d.home || req.Header["Authorization"] != nil {
		return next(ctx, req)
	}
	sent, err := d.authorize(req)
	if err != nil {
		return nil, err
	}
	resp, err := next(ctx, req)
	if err != nil || resp.Status != http.StatusUnauthorized {
		return resp, err
	}
	c := chooseChallenge(resp.Header["Www-Authenticate"])
	if c == nil || sent != "" && sent == c.nonce && !c.stale {
		return resp, nil // not ours to answer, or our credentials are wrong
	}
	if !req.Body.canSend() {
		resp.Close()
		return nil, &caused{ErrBodyConsumed, fmt.Errorf("digest challenge wants it again")}
	}
	d.accept(c)
	req.DelHeader("Authorization")
	if sent, err = d.authorize(req); err != nil || sent == "" {
		return resp, err
	}
	resp.Close()
	return next(ctx, req)
}

func (d *digestAuth) accept(c *digestChallenge) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.challenge == nil || d.challenge.nonce != c.nonce {
		d.challenge, d.count = c, 0
	}
}

// authorize puts credentials into req if there is a challenge for its URL, and returns the nonce.
func (d *digestAuth) authorize(req *Request) (nonce string, err error) {
	d.mu.Lock()
	c := d.challenge
	if c == nil || !c.covers(req.URL) {
		d.mu.Unlock()
		return "", nil
	}
	d.count++
	n := d.count
	d.mu.Unlock()
	value, err := c.answer(req, d.user, d.password, newCnonce(), n)
	if err != nil {
		return "", err
	}
	req.SetHeader("Authorization", value)
	return c.nonce, nil
}

func newCnonce() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// covers reports whether u is in the protection space (RFC 7616 §3.3, domain).
func (c *digestChallenge) covers(u *url.URL) bool {
	if len(c.domain) == 0 {
		return true
	}
	for _, s := range c.domain {
		ref, err := url.Parse(s)
		if err != nil {
			continue
		}
		abs := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}).ResolveReference(ref)
		if originOf(abs) == originOf(u) && pathMatch(exactPathOrRoot(u), exactPathOrRoot(abs)) {
			return true
		}
	}
	return false
}

func exactPathOrRoot(u *url.URL) string {
	if p := exactPath(u); p != "" {
		return p
	}
	return "/"
}

var digestHashes = map[string]func() hash.Hash{
	"MD5": md5.New, "SHA": sha1.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256, "SHA-512": sha512.New,
}

// answer computes the Authorization header (RFC 7616 §3.4).
func (c *digestChallenge) answer(req *Request, user, password, cnonce string, count uint32) (string, error) {
	base, sess := c.hash()
	newHash := digestHashes[base]
	h := func(parts ...string) string {
		sum := newHash()
		io.WriteString(sum, strings.Join(parts, ":"))
		return hex.EncodeToString(sum.Sum(nil))
	}
	uri := requestTarget(req.URL)
	qop := c.qop(req)
	a1 := h(user, c.realm, password)
	if sess {
		a1 = h(a1, c.nonce, cnonce)
	}
	a2 := h(req.Method, uri)
	if qop == "auth-int" {
		sum := newHash()
		body, err := req.Body.reader()
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, body)
		body.Close()
		if err != nil {
			return "", err
		}
		a2 = h(req.Method, uri, hex.EncodeToString(sum.Sum(nil)))
	}
	nc := fmt.Sprintf("%08x", count)
	response := h(a1, c.nonce, a2)
	if qop != "" {
		response = h(a1, c.nonce, nc, cnonce, qop, a2)
	}
	name := user
	if c.userhash {
		name = h(user, c.realm)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`,
		escapeQuoted(name), escapeQuoted(c.realm), escapeQuoted(c.nonce), escapeQuoted(uri), response)
	if c.algorithm != "" {
		b.WriteString(", algorithm=" + c.algorithm)
	}
	if c.opaque != "" {
		b.WriteString(`, opaque="` + escapeQuoted(c.opaque) + `"`)
	}
	if qop != "" {
		fmt.Fprintf(&b, `, qop=%s, nc=%s, cnonce="%s"`, qop, nc, cnonce)
	} else if sess {
		fmt.Fprintf(&b, `, cnonce="%s"`, cnonce)
	}
	if c.userhash {
		b.WriteString(", userhash=true")
	}
	return b.String(), nil
}

// qop prefers auth; auth-int needs a body that can be read beforehand.
func (c *digestChallenge) qop(req *Request) string {
	out := ""
	for _, q := range c.qops {
		if q == "auth" {
			return q
		}
		if q == "auth-int" && req.Body.Replayable() {
			out = q
		}
	}
	return out
}

// requestTarget is what stands in the request line: the signature is over it as it is sent.
func requestTarget(u *url.URL) string {
	t := exactPathOrRoot(u)
	if u.RawQuery != "" || u.ForceQuery {
		t += "?" + u.RawQuery
	}
	return t
}

var escapeQuoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace

// chooseChallenge takes the first digest challenge that we can answer.
func chooseChallenge(headers []string) *digestChallenge {
	for _, ch := range parseChallenges(headers) {
		if !strings.EqualFold(ch.scheme, "Digest") || ch.params["nonce"] == "" {
			continue
		}
		p := ch.params
		c := &digestChallenge{
			realm: p["realm"], nonce: p["nonce"], opaque: p["opaque"], algorithm: p["algorithm"],
			domain: strings.Fields(p["domain"]), stale: strings.EqualFold(p["stale"], "true"),
			userhash: strings.EqualFold(p["userhash"], "true"),
		}
		base, _ := c.hash()
		if digestHashes[base] == nil {
			continue
		}
		known := false
		for q := range strings.SplitSeq(p["qop"], ",") {
			q = strings.ToLower(strings.TrimSpace(q))
			c.qops = append(c.qops, q)
			known = known || q == "auth" || q == "auth-int" || q == ""
		}
		if known {
			return c
		}
	}
	return nil
}

// hash names the algorithm's hash, MD5 if the challenge names none, and whether
// the key is made for the session.
func (c *digestChallenge) hash() (name string, sess bool) {
	name, sess = strings.CutSuffix(strings.ToUpper(c.algorithm), "-SESS")
	if name == "" {
		name = "MD5"
	}
	return name, sess
}

// A challenge is one of a WWW-Authenticate header (RFC 9110 §11.6.1).
type challenge struct {
	scheme string
	token  string            // token68, or ""
	params map[string]string // names in lower case
}

// parseChallenges reads every challenge of the headers; several may stand in one.
func parseChallenges(headers []string) []challenge {
	var all []challenge
	for _, s := range headers {
		for s = skipListSpace(s); s != ""; s = skipListSpace(s) {
			var word string
			word, s = cutToken(s)
			if word == "" {
				break // not a list of challenges
			}
			rest := strings.TrimLeft(s, " \t")
			if strings.HasPrefix(rest, "=") && len(all) > 0 { // a parameter of the last one
				var value string
				value, s = cutValue(strings.TrimLeft(rest[1:], " \t"))
				all[len(all)-1].params[strings.ToLower(word)] = value
				continue
			}
			ch := challenge{scheme: word, params: make(map[string]string)}
			if t, after := cutToken68(rest); t != "" {
				ch.token, s = t, after
			}
			all = append(all, ch)
		}
	}
	return all
}

func skipListSpace(s string) string { return strings.TrimLeft(s, " \t,") }

func cutToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && isTokenByte(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isTokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// cutToken68 takes a token68 that ends the challenge, as "Negotiate abc=" has it.
func cutToken68(s string) (token, rest string) {
	i := 0
	for i < len(s) && (isTokenByte(s[i]) || s[i] == '/') {
		i++
	}
	for i < len(s) && s[i] == '=' {
		i++
	}
	after := strings.TrimLeft(s[i:], " \t")
	if i == 0 || after != "" && after[0] != ',' {
		return "", s
	}
	return s[:i], after
}

// cutValue takes a token or a quoted string.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, ", \t")
		if i < 0 {
			i = len(s)
		}
		return s[:i], s[i:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) {
				i++
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

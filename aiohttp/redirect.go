package aiohttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

const defaultMaxRedirects = 10

// isRedirect reports whether resp is a redirect that leads on (RFC 9110 §15.4).
func isRedirect(resp *Response) bool {
	switch resp.Status {
	case 301, 302, 303, 307, 308:
		return location(resp) != ""
	}
	return false
}

func location(resp *Response) string {
	if l := resp.Header.Get("Location"); l != "" {
		return l
	}
	return resp.Header.Get("URI")
}

// redirected returns the request that follows resp, the answer to r.
//
// 303, and 301 or 302 of a POST, become a GET without a body; every other
// redirect keeps method and body. What belongs to an origin (credentials,
// cookies of the request, Host) is dropped on the way to another one, and stays so.
func (r *Request) redirected(resp *Response) (*Request, error) {
	u, err := r.locate(location(resp))
	if err != nil {
		return nil, err
	}
	next := &Request{
		Method: r.Method, URL: u, Header: r.Header.Clone(), Body: r.Body, Host: r.Host,
		opts: r.opts, origin: r.origin, cookies: r.cookies, trace: r.trace, hops: r.hops + 1,
	}
	if resp.Status == http.StatusSeeOther && r.Method != "HEAD" ||
		(resp.Status == http.StatusMovedPermanently || resp.Status == http.StatusFound) && r.Method == "POST" {
		next.Method, next.Body = "GET", nil
		for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Location", "Transfer-Encoding", "Digest", "Expect"} {
			next.Header.Del(name)
		}
	}
	if !next.Body.canSend() {
		return nil, &caused{ErrBodyConsumed, fmt.Errorf("redirect %d wants it again", resp.Status)}
	}
	// The jar's cookies are chosen for each hop; those of the request are put in again for its origin.
	next.Header.Del("Cookie")
	if originOf(u) != originOf(r.URL) {
		next.Header.Del("Authorization")
		next.Header.Del("Proxy-Authorization")
		next.Header.Del("Www-Authenticate")
		next.Host = ""
		next.origin = origin{}
	}
	return next, nil
}

func (r *Request) locate(loc string) (*url.URL, error) {
	loc = quoteForbidden(loc)
	ref, err := parseURL(loc)
	if err != nil {
		return nil, &caused{ErrRedirect, err}
	}
	u := ref
	if !ref.IsAbs() {
		if u, err = resolve(r.URL, ref, pathOf(loc)); err != nil {
			return nil, &caused{ErrRedirect, err}
		}
	}
	if err := checkURL(u); err != nil {
		return nil, &caused{ErrRedirect, err}
	}
	if u.Fragment == "" { // RFC 9110 §10.2.2
		u.Fragment, u.RawFragment = r.URL.Fragment, r.URL.RawFragment
	}
	return u, nil
}

// errRedirects is the end of a chain that is too long.
func errRedirects(n int) error {
	return &caused{ErrTooManyRedirects, errors.New("followed " + fmt.Sprint(n))}
}

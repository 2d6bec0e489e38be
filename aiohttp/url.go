package aiohttp

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// parseURL parses a URL so that it is sent as it is written: what is encoded
// stays so, byte for byte. Only bytes that may not stand in a request line
// (space, control, not ASCII) are percent-encoded.
func parseURL(raw string) (*url.URL, error) {
	raw = quoteForbidden(raw)
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &caused{ErrInvalidURL, errURL(err)}
	}
	if u.Opaque != "" {
		return nil, &caused{ErrInvalidURL, errors.New("no host after the scheme")}
	}
	return keepPath(u, pathOf(raw)), nil
}

// keepPath makes u send path as it is, where u would write it otherwise.
func keepPath(u *url.URL, path string) *url.URL {
	if u.Host != "" && path != u.EscapedPath() && strings.HasPrefix(path, "/") {
		u.Opaque = "//" + u.Host + path
	}
	return u
}

// errURL says what is wrong with a URL without repeating it: it may hold a password.
func errURL(err error) error {
	var esc url.EscapeError
	switch {
	case errors.As(err, &esc):
		return errors.New("bad percent-encoding")
	case strings.Contains(err.Error(), "invalid port"):
		return errors.New("bad port")
	case strings.Contains(err.Error(), "missing protocol scheme"):
		return errors.New("no scheme")
	case strings.Contains(err.Error(), "userinfo"):
		return errors.New("bad user or password")
	}
	return errors.New("bad host or form")
}

// pathOf cuts the path out of an absolute or relative URL.
func pathOf(raw string) string {
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	if i := strings.Index(raw, "://"); i >= 0 && !strings.Contains(raw[:i], "/") {
		raw = raw[i+3:]
	} else if strings.HasPrefix(raw, "//") {
		raw = raw[2:]
	} else {
		return raw
	}
	if i := strings.IndexByte(raw, '/'); i >= 0 {
		return raw[i:]
	}
	return ""
}

const upperHex = "0123456789ABCDEF"

func quoteForbidden(s string) string {
	n := 0
	for i := range len(s) {
		if forbiddenInURL(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; forbiddenInURL(c) {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func forbiddenInURL(c byte) bool { return c <= ' ' || c >= 0x7f }

// hostASCII undoes the encoding of a host that is not ASCII and gives its IDNA form.
func hostASCII(u *url.URL) error {
	host := u.Hostname()
	ascii := true
	for i := range len(host) {
		ascii = ascii && host[i] < 0x80
	}
	if ascii {
		return nil
	}
	a, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return &caused{ErrInvalidURL, errors.New("host is no domain name")}
	}
	old := u.Host
	u.Host = a
	if port := portOf(old); port != "" {
		u.Host = net.JoinHostPort(a, port)
	}
	if u.Opaque != "" {
		u.Opaque = strings.Replace(u.Opaque, "//"+old, "//"+u.Host, 1)
	}
	return nil
}

func portOf(hostport string) string {
	i := strings.LastIndexByte(hostport, ':')
	if i < 0 || strings.HasSuffix(hostport, "]") {
		return ""
	}
	return hostport[i+1:]
}

// joinURL resolves ref against base: by RFC 3986, or as a prefix.
func joinURL(base *url.URL, ref string, prefix bool) (*url.URL, error) {
	u, err := parseURL(ref)
	if err != nil {
		return nil, err
	}
	if base == nil || u.IsAbs() {
		return u, nil
	}
	if prefix && u.Host == "" {
		j := *base
		j.Opaque, j.Fragment, j.RawFragment = "", u.Fragment, u.RawFragment
		if u.RawQuery != "" || u.ForceQuery {
			j.RawQuery = u.RawQuery
		}
		path := exactPath(base)
		if ref := pathOf(quoteForbidden(ref)); ref != "" {
			path = strings.TrimSuffix(path, "/") + "/" + strings.TrimPrefix(ref, "/")
		}
		return setPath(&j, path)
	}
	return resolve(base, u, pathOf(quoteForbidden(ref)))
}

// resolve is url.URL.ResolveReference, except that an absolute path is kept as written.
func resolve(base, ref *url.URL, path string) (*url.URL, error) {
	r := base.ResolveReference(ref)
	if r.Host == "" {
		return nil, &caused{ErrInvalidURL, errors.New("no host")}
	}
	r.Opaque = ""
	if strings.HasPrefix(path, "/") && !strings.Contains(path, "/.") {
		return setPath(r, path)
	}
	if path == "" && ref.Host == "" {
		return setPath(r, exactPath(base))
	}
	return r, nil
}

// exactPath is the path of u as it is sent.
func exactPath(u *url.URL) string {
	if u.Opaque != "" {
		return strings.TrimPrefix(u.Opaque, "//"+u.Host)
	}
	return u.EscapedPath()
}

func setPath(u *url.URL, path string) (*url.URL, error) {
	p, err := url.PathUnescape(path)
	if err != nil {
		return nil, &caused{ErrInvalidURL, errors.New("bad percent-encoding")}
	}
	u.Path, u.RawPath = p, path
	return keepPath(u, path), nil
}

// checkURL reports why u cannot be requested, and completes it.
func checkURL(u *url.URL) error {
	switch u.Scheme {
	case "http", "https":
	case "":
		return &caused{ErrInvalidURL, errors.New("no scheme")}
	default:
		return ErrNonHTTPURL
	}
	if u.Hostname() == "" {
		return &caused{ErrInvalidURL, errors.New("no host")}
	}
	return hostASCII(u)
}

// redactURL is u for messages: no user, password, query or fragment.
func redactURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	s := u.Scheme + "://" + u.Host + exactPath(u)
	if u.RawQuery != "" {
		s += "?..."
	}
	return s
}

// An origin is what credentials belong to (RFC 6454): scheme, host and port.
type origin struct{ scheme, host, port string }

func originOf(u *url.URL) origin {
	return origin{u.Scheme, strings.ToLower(u.Hostname()), portOr(u)}
}

func portOr(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// urlForMessage parses a URL only to name it in a message.
func urlForMessage(raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil
	}
	return u
}

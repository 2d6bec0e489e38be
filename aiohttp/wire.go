package aiohttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// headOptions are what the head of a request depends on besides the request.
type headOptions struct {
	length    int64  // of the body; -1: in chunks
	absolute  bool   // the target is the whole URL: for a proxy (RFC 9112 §3.2.2)
	proxyAuth string // for that proxy
	close     bool   // this is the connection's last request

	expects bool // set: the head has Expect: 100-continue
}

var headBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, 1024)) }}

// appendHead appends the request line and the header (RFC 9112 §3, §5). Nothing
// in them can begin a line of its own.
func (r *Request) appendHead(b []byte, o *headOptions) ([]byte, error) {
	if !httpguts.ValidHeaderFieldName(r.Method) { // a method is a token too
		return b, &caused{ErrInvalidRequest, fmt.Errorf("method %q", r.Method)}
	}
	host, err := r.wireHost()
	if err != nil {
		return b, err
	}
	b = append(append(b, r.Method...), ' ')
	b = appendTarget(b, r.URL, o.absolute)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), host...), "\r\n"...)
	if r.shared && r.wire != nil {
		b = append(b, r.wire...)
	} else if b, err = appendHeader(b, r.Header, o); err != nil {
		return b, err
	}
	switch {
	case o.length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case o.length > 0 || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH":
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), o.length, 10), "\r\n"...)
	}
	if o.proxyAuth != "" {
		b = append(append(append(b, "Proxy-Authorization: "...), o.proxyAuth...), "\r\n"...)
	}
	if o.close {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// appendHeader appends the fields in the order of their names, without those that
// say where the body ends: they are not the caller's.
func appendHeader(b []byte, h http.Header, o *headOptions) ([]byte, error) {
	names := make([]string, 0, 24)
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		case "Proxy-Authorization":
			if o.proxyAuth != "" {
				continue
			}
		case "Connection":
			if o.close {
				continue
			}
		case "Expect":
			if o.length == 0 {
				continue
			}
			o.expects = o.expects || httpguts.HeaderValuesContainsToken(h[name], "100-continue")
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return b, &caused{ErrInvalidRequest, fmt.Errorf("header name %q", name)}
		}
		for _, v := range h[name] {
			if !httpguts.ValidHeaderFieldValue(v) {
				return b, &caused{ErrInvalidRequest, fmt.Errorf("forbidden byte in header %s", name)}
			}
			b = append(append(b, name...), ": "...)
			b = append(append(b, strings.Trim(v, " \t")...), "\r\n"...)
		}
	}
	return b, nil
}

// appendTarget appends the URL's path and query, byte for byte, or all of it but the fragment.
func appendTarget(b []byte, u *url.URL, absolute bool) []byte {
	if absolute {
		b = append(append(append(b, u.Scheme...), "://"...), u.Host...)
	}
	path := exactPath(u)
	if path == "" {
		path = "/"
	}
	b = append(b, quoteForbidden(path)...)
	if u.ForceQuery || u.RawQuery != "" {
		b = append(append(b, '?'), quoteForbidden(u.RawQuery)...)
	}
	return b
}

// wireHost is the Host header.
func (r *Request) wireHost() (string, error) {
	host := r.Host
	if host == "" {
		host = hostHeader(r.URL)
	}
	host, err := httpguts.PunycodeHostPort(host)
	if err != nil || !httpguts.ValidHostHeader(host) {
		return "", &caused{ErrInvalidRequest, errors.New("forbidden byte in the host")}
	}
	return withoutZone(host), nil
}

// withoutZone cuts the zone off an IPv6 address: it means something here alone (RFC 6874 §4).
func withoutZone(host string) string {
	if end := strings.LastIndexByte(host, ']'); strings.HasPrefix(host, "[") && end > 0 {
		if zone := strings.LastIndexByte(host[:end], '%'); zone > 0 {
			return host[:zone] + host[end:]
		}
	}
	return host
}

// openBody opens the body for one sending over HTTP/1; nil if there is none.
func (r *Request) openBody() (body io.ReadCloser, length int64, err error) {
	length = r.Body.Len()
	if length == 0 {
		r.Body.discard()
		return nil, 0, nil
	}
	if body, err = r.Body.reader(); err != nil {
		return nil, 0, err
	}
	if length < 0 && lacksBody(r.Method) {
		// Most likely it is empty: then the request has none.
		var first [1]byte
		n, err := io.ReadFull(body, first[:])
		if err != nil {
			body.Close()
			if err == io.EOF {
				err = nil
			}
			return nil, 0, err
		}
		body = prepend(first[:n], body)
	}
	body = r.trace.body(body)
	if length > 0 {
		body = &exactBody{ReadCloser: body, left: length}
	}
	return body, length, nil
}

func lacksBody(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "DELETE", "PROPFIND", "SEARCH":
		return true
	}
	return false
}

func prepend(first []byte, rest io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(string(first)), rest), rest}
}

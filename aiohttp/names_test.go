package aiohttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartet-go/quartet/aiohttp"
)

// Two sessions on one connector share its connections and no cookies, and neither
// closes it.
func TestSharedConnector(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Cookie")) })
	conn := newConnector(t, nil)
	jar := aiohttp.NewCookieJar(nil)
	jar.Set(mustURL(t, srv.URL), &aiohttp.Cookie{Name: "a", Value: "1"})
	first := newSession(t, &aiohttp.SessionOptions{Connector: conn, Jar: jar})
	second := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	for range 2 {
		if got := text(t, first, srv.URL, nil); got != "a=1" {
			t.Errorf("the first session sent %q", got)
		}
		if got := text(t, second, srv.URL, nil); got != "" {
			t.Errorf("the second session sent %q", got)
		}
	}
	first.Close()
	text(t, second, srv.URL, nil)
	if st := conn.Stats(); st.Dials != 1 || st.Open != 1 {
		t.Errorf("%+v", st)
	}
}

// What a request says goes before what its session says.
func TestRequestGoesFirst(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		for _, name := range []string{"X-A", "X-B", "Authorization", "User-Agent"} {
			fmt.Fprintf(w, "%q", r.Header[name])
		}
	})
	s := newSession(t, &aiohttp.SessionOptions{
		Header:       http.Header{"x-a": {"s1", "s2"}, "X-B": {"s"}, "User-Agent": {"agent"}},
		Auth:         &aiohttp.BasicCredentials{User: "s", Password: "p"},
		MaxRedirects: -1, MaxBodyBytes: 1,
	})
	large := &aiohttp.RequestOptions{MaxBodyBytes: 1000}
	if got, want := text(t, s, srv.URL, large), `["s1" "s2"]["s"]["Basic czpw"]["agent"]`; got != want {
		t.Errorf("the session's: %s, want %s", got, want)
	}
	own := *large
	own.Header = http.Header{"X-a": {"r1", "r2", "r1"}}
	own.Auth = &aiohttp.BasicCredentials{User: "r", Password: "p"}
	own.SkipAutoHeaders = []string{"user-agent"}
	own.MaxRedirects = 1
	if got, want := text(t, s, srv.URL+"/away", &own), `["r1" "r2" "r1"]["s"]["Basic cjpw"][]`; got != want {
		t.Errorf("the request's: %s, want %s", got, want)
	}
	if _, err := s.Get(t.Context(), srv.URL+"/away", large); !errors.Is(err, aiohttp.ErrTooManyRedirects) {
		t.Errorf("a redirect where the session allows none: %v", err)
	}
	resp, err := s.Get(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if _, err := resp.Bytes(t.Context()); !errors.Is(err, aiohttp.ErrLimit) {
		t.Errorf("more than the session takes into memory: %v", err)
	}
}

// A session without headers of ours sends none.
func TestSkipAutoHeaders(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header) })
	s := newSession(t, &aiohttp.SessionOptions{SkipAutoHeaders: []string{"USER-AGENT", "accept", "Accept-Encoding"}})
	if got := text(t, s, srv.URL, nil); got != "map[]" {
		t.Errorf("sent %s", got)
	}
	got := text(t, newSession(t, nil), srv.URL, nil)
	for _, name := range []string{"User-Agent:[quartet", "Accept:[*/*]", "Accept-Encoding:[gzip, deflate, br, zstd]"} {
		if !strings.Contains(got, name) {
			t.Errorf("sent %s, without %s", got, name)
		}
	}
}

// Middleware may change every part of a request, for that request alone.
func TestMiddlewareChanges(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q %q %s", r.Method, r.Host, r.RequestURI, r.Header["X-Mine"], r.Header["X-Other"], body)
	})
	change := func(ctx context.Context, req *aiohttp.Request, next aiohttp.Handler) (*aiohttp.Response, error) {
		req.Method = "PUT"
		u := *req.URL
		u.Path, u.RawPath = "/b/c", "/b%2Fc"
		req.URL, req.Host = &u, "other.test"
		req.DelHeader("x-mine")
		req.SetHeader("x-other", "1")
		req.Body = aiohttp.Text("changed")
		return next(ctx, req)
	}
	s := newSession(t, &aiohttp.SessionOptions{Header: http.Header{"X-Mine": {"1"}}})
	opts := &aiohttp.RequestOptions{Body: aiohttp.Text("body"), Middleware: []aiohttp.Middleware{change}}
	if got, want := text(t, s, srv.URL+"/a", opts), `PUT other.test /b%2Fc [] ["1"] changed`; got != want {
		t.Errorf("server saw %s, want %s", got, want)
	}
	host := strings.TrimPrefix(srv.URL, "http://")
	if got, want := text(t, s, srv.URL+"/a", nil), `GET `+host+` /a ["1"] [] `; got != want {
		t.Errorf("the next request: %s, want %s", got, want)
	}
}

func TestFamilyAndLocalAddr(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) })
	for network, works := range map[string]bool{"tcp": true, "tcp4": true, "tcp6": false} {
		s := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{Network: network})})
		resp, err := s.Get(t.Context(), srv.URL, nil)
		if (err == nil) != works || err != nil && !errors.Is(err, aiohttp.ErrConnector) {
			t.Errorf("%s to an address of IPv4: %v", network, err)
		}
		if err == nil {
			resp.Close()
		}
	}
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	if l, err := net.ListenTCP("tcp4", local); err != nil {
		t.Skip(err)
	} else {
		l.Close()
	}
	s := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{LocalAddr: local})})
	if got := text(t, s, srv.URL, nil); !strings.HasPrefix(got, "127.0.0.2:") {
		t.Errorf("connected from %s", got)
	}
}

// A name is remembered for DNSTTL; that it has no address is not remembered.
func TestDNSTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for ttl, want := range map[time.Duration]int{0: 2, time.Minute: 1, -1: 3} {
			r := &countedResolver{}
			conn := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Resolver: r, DNSTTL: ttl, Dial: noWay})
			s, err := aiohttp.NewSession(&aiohttp.SessionOptions{Connector: conn})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := s.Get(t.Context(), "http://name.test/", nil); !errors.Is(err, aiohttp.ErrConnector) {
					t.Error(err)
				}
				time.Sleep(6 * time.Second)
			}
			if r.n != want {
				t.Errorf("DNSTTL %v: %d lookups of a name, want %d", ttl, r.n, want)
			}
			r.n = 0
			for range 2 {
				if _, err := s.Get(t.Context(), "http://none.test/", nil); !errors.Is(err, aiohttp.ErrDNS) {
					t.Errorf("a name without an address: %v", err)
				}
			}
			if r.n != 2 {
				t.Errorf("DNSTTL %v: %d lookups of a name without an address", ttl, r.n)
			}
			s.Close()
			conn.Close()
		}
	})
}

var noWay = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no way") }

type countedResolver struct{ n int }

func (r *countedResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.n++
	if strings.HasPrefix(host, "none") {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
}

func TestTreatAsSecure(t *testing.T) {
	t.Parallel()
	inside := mustURL(t, "http://inside.test/")
	for _, trusted := range []bool{false, true} {
		j := aiohttp.NewCookieJar(&aiohttp.CookieJarOptions{TreatAsSecure: func(u *url.URL) bool { return trusted && u.Host == inside.Host }})
		j.SetFromHeader(inside, []string{"__Host-a=1; Secure; Path=/"})
		j.SetFromHeader(mustURL(t, "http://outside.test/"), []string{"b=1; Secure"})
		if got := sent(t, j, inside.String()); (got == "__Host-a=1") != trusted {
			t.Errorf("trusted %v: sent %q", trusted, got)
		}
		if got := sent(t, j, "https://outside.test/"); got != "" {
			t.Errorf("another host: sent %q", got)
		}
	}
}

// A response is an io.Reader and an io.WriterTo.
func TestResponseIsAReader(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("0123456789\n", 20_000)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) })
	s := newSession(t, nil)
	get := func() *aiohttp.Response {
		resp, err := s.Get(t.Context(), srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Close() })
		return resp
	}
	if err := iotest.TestReader(get(), []byte(body)); err != nil {
		t.Error(err)
	}
	var b strings.Builder
	if n, err := io.Copy(&b, get()); n != int64(len(body)) || err != nil || b.String() != body {
		t.Errorf("Copy = %d, %v", n, err)
	}
	resp := get()
	p := make([]byte, 11)
	if _, err := io.ReadFull(resp, p); err != nil || string(p) != "0123456789\n" {
		t.Errorf("readexactly: %q, %v", p, err)
	}
	if _, err := io.ReadFull(io.LimitReader(resp, 5), p); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("readexactly of less: %v", err)
	}
}

func TestFSFile(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s", r.ContentLength, b)
	})
	s := newSession(t, nil)
	body := aiohttp.FSFile(fstest.MapFS{"dir/f": {Data: []byte("in a file system")}}, "dir/f")
	for range 2 {
		resp, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := resp.Text(t.Context()); got != "16 in a file system" {
			t.Errorf("server saw %q", got)
		}
		resp.Close()
	}
	if _, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: aiohttp.FSFile(fstest.MapFS{}, "none")}); err == nil {
		t.Error("a file that is not there was sent")
	}
}

// What an answer tells of itself and of the request it answers.
func TestResponseMeta(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		head, reason string
		status       int
		ok           bool
	}{
		{"HTTP/1.1 200 OK", "OK", 200, true},
		{"HTTP/1.1 299 All is w\xc3\xb6ll", "All is wöll", 299, true},
		{"HTTP/1.1 399 ", "", 399, true},
		{"HTTP/1.1 400 No", "No", 400, false},
		{"HTTP/1.0 599 Last", "Last", 599, false},
	} {
		server := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
			if _, err := readRequest(r); err == nil {
				io.WriteString(c, tc.head+"\r\nContent-Length: 0\r\nx-CASE: 1\r\nX-Case: 2\r\n\r\n")
			}
		})
		resp, err := newSession(t, nil).Do(t.Context(), "PATCH", server+"/p?q#f", nil)
		if err != nil {
			t.Errorf("%s: %v", tc.head, err)
			continue
		}
		resp.Close()
		if resp.Status != tc.status || resp.Reason != tc.reason || resp.OK() != tc.ok || resp.Proto != tc.head[:8] {
			t.Errorf("%s: %d %q %v %s", tc.head, resp.Status, resp.Reason, resp.OK(), resp.Proto)
		}
		if resp.Request.Method != "PATCH" || resp.URL.String() != server+"/p?q#f" || resp.History != nil {
			t.Errorf("of %s %v after %v", resp.Request.Method, resp.URL, resp.History)
		}
		if got := resp.Header.Values("X-CASE"); len(got) != 2 {
			t.Errorf("repeated header: %q", got)
		}
	}
}

// Headers without values are no headers.
func TestEmptyHeaders(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%v %q", r.Host != "", r.Header["X"]) })
	s := newSession(t, &aiohttp.SessionOptions{Header: http.Header{"X": {"1"}}})
	if diff := cmp.Diff(`true []`, text(t, s, srv.URL, &aiohttp.RequestOptions{Header: http.Header{"X": nil, "Host": nil}})); diff != "" {
		t.Error(diff)
	}
}

// The session's credentials go to the origin of its BaseURL, however a URL is written,
// and to no other.
func TestAuthOfBaseURL(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.Path, r.Header["Authorization"])
	}
	base, other := serve(t, echo), serve(t, echo)
	for _, prefix := range []bool{false, true} {
		s := newSession(t, &aiohttp.SessionOptions{
			BaseURL: base.URL + "/api/", PrefixBase: prefix,
			Auth: &aiohttp.BasicCredentials{User: "u", Password: "p"},
		})
		for ref, want := range map[string]string{
			"x":                             "/api/x[Basic dTpw]",
			base.URL + "/y":                 "/y[Basic dTpw]",
			base.URL[len("http:"):] + "/z":  "/z[Basic dTpw]",
			other.URL + "/y":                "/y[]",
			other.URL[len("http:"):] + "/z": "/z[]",
		} {
			if got := text(t, s, ref, nil); got != want {
				t.Errorf("prefix=%v %s: server saw %s, want %s", prefix, ref, got, want)
			}
		}
	}
	s := newSession(t, &aiohttp.SessionOptions{Auth: &aiohttp.BasicCredentials{User: "u", Password: "p"}})
	_, err := s.Get(t.Context(), base.URL, &aiohttp.RequestOptions{Header: http.Header{"Authorization": {"Bearer t"}}})
	if !errors.Is(err, aiohttp.ErrInvalidRequest) {
		t.Errorf("credentials and a header of them: %v", err)
	}
}

// What says twice how a body is sent is refused.
func TestCompressTwice(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	_, err := newSession(t, nil).Post(t.Context(), srv.URL, &aiohttp.RequestOptions{
		Body: aiohttp.Text("x"), Compress: "gzip", Header: http.Header{"Content-Encoding": {"br"}},
	})
	if !errors.Is(err, aiohttp.ErrInvalidRequest) {
		t.Errorf("Compress and Content-Encoding: %v", err)
	}
}

// Answers that have no body have none whatever their header announces.
func TestNoBody(t *testing.T) {
	t.Parallel()
	for _, head := range []string{
		"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Encoding: br\r\nContent-Length: 1000\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 0\r\n\r\n",
	} {
		url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
			for {
				if _, err := readRequest(r); err != nil {
					return
				}
				io.WriteString(c, head)
			}
		})
		s := newSession(t, nil)
		for range 2 {
			if got := text(t, s, url, nil); got != "" {
				t.Errorf("%q: %q", head, got)
			}
		}
		if st := s.Connector().Stats(); st.Dials != 1 {
			t.Errorf("%q: %+v", head, st)
		}
	}
}

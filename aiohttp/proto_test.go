package aiohttp_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
)

func serveH2(t testing.TB, h http.HandlerFunc, maxStreams int) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

var insecure = &aiohttp.TLSOptions{Insecure: true}

// Requests over HTTP/2 share one connection, from the first on.
func TestHTTP2Shares(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	wg.Add(50)
	srv := serveH2(t, func(w http.ResponseWriter, r *http.Request) {
		wg.Done()
		wg.Wait() // until all are in flight
		io.WriteString(w, r.Proto)
	}, 0)
	s := newSession(t, &aiohttp.SessionOptions{TLS: insecure})
	got := make(chan string, 50)
	for range cap(got) {
		go func() { got <- text(t, s, srv.URL, nil) }()
	}
	for range cap(got) {
		if p := <-got; p != "HTTP/2.0" {
			t.Errorf("spoke %s", p)
		}
	}
	if st := s.Connector().Stats(); st.Dials != 1 || st.InFlight != 0 || st.Open != 1 {
		t.Errorf("%+v", st)
	}
}

// Where a connection takes no more streams, another one is made; limits count streams.
func TestHTTP2Streams(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	srv := serveH2(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		for range 100 { // so that requests meet
			runtime.Gosched()
		}
		now.Add(-1)
	}, 4)
	conn := newConnector(t, &aiohttp.ConnectorOptions{Limit: -1, PerHost: 10})
	s := newSession(t, &aiohttp.SessionOptions{TLS: insecure, Connector: conn})
	text(t, s, srv.URL, nil) // the server's settings are known now
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() { text(t, s, srv.URL, nil) })
	}
	wg.Wait()
	if st := conn.Stats(); st.Dials < 2 || st.Dials > 20 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
	if m := most.Load(); m > 10 {
		t.Errorf("%d at once, want at most 10", m)
	}
}

// A stream that times out or is given up ends alone.
func TestHTTP2StreamEndsAlone(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := serveH2(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/body":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			<-release
			io.WriteString(w, "ok")
		}
	}, 0)
	s := newSession(t, &aiohttp.SessionOptions{TLS: insecure})
	good := make(chan string, 1)
	go func() { good <- text(t, s, srv.URL, nil) }()
	for s.Connector().Stats().Open == 0 {
		runtime.Gosched()
	}
	limits := aiohttp.Timeouts{FirstByte: 20 * time.Millisecond, Read: 20 * time.Millisecond}
	_, err := s.Get(t.Context(), srv.URL+"/slow", &aiohttp.RequestOptions{Timeouts: limits})
	wantTimeout(t, "header", err, aiohttp.PhaseFirstByte, aiohttp.ErrSocketTimeout)
	limits.FirstByte = time.Minute
	resp, err := s.Get(t.Context(), srv.URL+"/body", &aiohttp.RequestOptions{Timeouts: limits})
	if err != nil {
		t.Fatal(err)
	}
	_, err = resp.Bytes(t.Context())
	wantTimeout(t, "body", err, aiohttp.PhaseRead, aiohttp.ErrSocketTimeout)
	ctx, cancel := context.WithCancel(t.Context())
	resp, err = s.Get(ctx, srv.URL+"/body", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := resp.Bytes(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	resp, err = s.Get(t.Context(), srv.URL+"/body", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Close()
	close(release)
	if got := <-good; got != "ok" {
		t.Errorf("the stream beside them: %q", got)
	}
	if st := s.Connector().Stats(); st.Dials != 1 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

// A header that is not to be added is not sent by HTTP/2 either.
func TestHTTP2SkipsHeaders(t *testing.T) {
	t.Parallel()
	srv := serveH2(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Join(r.Header["User-Agent"], "|"))
	}, 0)
	s := newSession(t, &aiohttp.SessionOptions{TLS: insecure})
	if got := text(t, s, srv.URL, &aiohttp.RequestOptions{SkipAutoHeaders: []string{"User-Agent"}}); got != "" {
		t.Errorf("User-Agent: %q", got)
	}
}

// A server that goes away politely fails no request.
func TestHTTP2GoAway(t *testing.T) {
	t.Parallel()
	srv := serveH2(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // net/http's way to say GOAWAY
		io.WriteString(w, "ok")
	}, 0)
	s := newSession(t, &aiohttp.SessionOptions{TLS: insecure})
	for range 20 {
		if got := text(t, s, srv.URL, nil); got != "ok" {
			t.Fatal(got)
		}
	}
	if st := s.Connector().Stats(); st.Dials < 2 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
}

// HTTP/2 can be off, or be all there is, without TLS too.
func TestProtocols(t *testing.T) {
	t.Parallel()
	srv := serveH2(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }, 0)
	var one http.Protocols
	one.SetHTTP1(true)
	s := newSession(t, &aiohttp.SessionOptions{TLS: insecure, Connector: newConnector(t, &aiohttp.ConnectorOptions{Protocols: &one})})
	if got := text(t, s, srv.URL, nil); got != "HTTP/1.1" {
		t.Errorf("with HTTP/1 alone: %s", got)
	}
	plain := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	t.Cleanup(plain.Close)
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	s = newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{Protocols: &prior})})
	for range 3 {
		if got := text(t, s, plain.URL, nil); got != "HTTP/2.0" {
			t.Errorf("with prior knowledge: %s", got)
		}
	}
	if st := s.Connector().Stats(); st.Dials != 1 {
		t.Errorf("%+v", st)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.TLS.ServerName) }))
	t.Cleanup(srv.Close)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	pin := aiohttp.Fingerprint(sha256.Sum256(srv.Certificate().Raw))
	pool := srv.Client().Transport.(*http.Transport).TLSClientConfig
	s := newSession(t, nil)
	get := func(o *aiohttp.TLSOptions) (string, error) {
		resp, err := s.Get(t.Context(), srv.URL, &aiohttp.RequestOptions{TLS: o})
		if err != nil {
			return "", err
		}
		defer resp.Close()
		if resp.TLS == nil {
			t.Error("no TLS state")
		}
		return resp.Text(t.Context())
	}
	if _, err := get(nil); !errors.Is(err, aiohttp.ErrCertificate) || !errors.Is(err, aiohttp.ErrTLS) || !errors.Is(err, aiohttp.ErrConnector) {
		t.Errorf("unknown authority: %v", err)
	}
	if _, err := get(&aiohttp.TLSOptions{Config: pool}); err != nil {
		t.Errorf("known authority: %v", err)
	}
	if name, err := get(&aiohttp.TLSOptions{Config: pool, ServerName: "example.com"}); err != nil || name != "example.com" {
		t.Errorf("server name %q: %v", name, err)
	}
	if _, err := get(&aiohttp.TLSOptions{Config: pool, ServerName: "other.test"}); !errors.Is(err, aiohttp.ErrCertificate) {
		t.Errorf("wrong name: %v", err)
	}
	if _, err := get(&aiohttp.TLSOptions{Fingerprints: []aiohttp.Fingerprint{{}, pin}}); err != nil {
		t.Errorf("pinned: %v", err)
	}
	_, err := get(&aiohttp.TLSOptions{Fingerprints: []aiohttp.Fingerprint{{1}}})
	fe, ok := errors.AsType[*aiohttp.FingerprintError](err)
	if !ok || fe.Got != pin || len(fe.Want) != 1 || !errors.Is(err, aiohttp.ErrFingerprint) {
		t.Errorf("wrong pin: %v", err)
	}
	before := s.Connector().Stats()
	if before.Open != 3 {
		t.Errorf("%d connections kept, want 3: one for each set of options that worked", before.Open)
	}
	if _, err := get(&aiohttp.TLSOptions{Fingerprints: []aiohttp.Fingerprint{{}, pin}}); err != nil {
		t.Error(err)
	}
	if after := s.Connector().Stats(); after.Dials != before.Dials {
		t.Error("equal options did not share a connection")
	}
	for in, good := range map[string]bool{strings.Repeat("ab", 32): true, strings.Repeat("ab:", 31) + "ab": true, "ab": false, strings.Repeat("xx", 32): false} {
		if _, err := aiohttp.ParseFingerprint(in); (err == nil) != good {
			t.Errorf("ParseFingerprint(%q): %v", in, err)
		}
	}
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	if _, err := s.Get(t.Context(), strings.Replace(plain.URL, "http", "https", 1), nil); !errors.Is(err, aiohttp.ErrTLS) {
		t.Errorf("TLS to a server without: %v", err)
	}
}

// An httpProxy is a proxy for plain requests and CONNECT that wants a password.
type httpProxy struct {
	auth  string
	mu    sync.Mutex
	seen  []string
	lines []string
}

func (p *httpProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, r.Method+" "+r.Header.Get("X-Proxy"))
	p.lines = append(p.lines, r.RequestURI)
	p.mu.Unlock()
	if p.auth != "" && r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.auth)) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
		return
	}
	if r.Method != "CONNECT" {
		r.Header.Del("Proxy-Authorization")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("X-Via", "proxy")
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
		return
	}
	out, err := net.Dial("tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer in.Close()
	io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
	join(in, buf.Reader, out)
}

// join copies both ways until both sides ended.
func join(in net.Conn, from io.Reader, out net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(out, from); out.(*net.TCPConn).CloseWrite() })
	wg.Go(func() { io.Copy(in, out); in.Close() })
	wg.Wait()
}

func TestProxies(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	origin := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("Proxy-Authorization")+r.Header.Get("X-Proxy")+r.URL.Path)
	}
	plain := serve(t, origin)
	secure := httptest.NewTLSServer(http.HandlerFunc(origin))
	t.Cleanup(secure.Close)
	p := &httpProxy{auth: "user:pass word"}
	viaHTTP := httptest.NewServer(p)
	t.Cleanup(viaHTTP.Close)
	viaTLS := httptest.NewTLSServer(p)
	t.Cleanup(viaTLS.Close)
	socks := socksServer(t, "user", "pass word")
	with := func(u string) string { return strings.Replace(u, "://", "://user:pass%20word@", 1) }
	tests := []struct {
		name, proxy, url string
		class            error
		method           string
	}{
		{"http by http", with(viaHTTP.URL), plain.URL + "/a|b", nil, "GET"},
		{"https by http", with(viaHTTP.URL), secure.URL + "/x", nil, "CONNECT"},
		{"http by https", with(viaTLS.URL), plain.URL + "/x", nil, "GET"},
		{"https by https", with(viaTLS.URL), secure.URL + "/x", nil, "CONNECT"},
		{"http by socks5", with(socks), plain.URL + "/x", nil, ""},
		{"https by socks5h", with(strings.Replace(socks, "socks5", "socks5h", 1)), secure.URL + "/x", nil, ""},
		{"refused CONNECT", viaHTTP.URL, secure.URL + "/x", aiohttp.ErrProxyStatus, "CONNECT"},
		{"refused socks5", socks, plain.URL + "/x", aiohttp.ErrProxy, ""},
		{"no proxy there", "http://127.0.0.1:1", plain.URL + "/x", aiohttp.ErrProxy, ""},
		{"no proxy there, CONNECT", "http://127.0.0.1:1", secure.URL + "/x", aiohttp.ErrProxy, ""},
		{"bad scheme", "gopher://h", plain.URL, aiohttp.ErrInvalidURL, ""},
	}
	for _, tt := range tests {
		conn := newConnector(t, &aiohttp.ConnectorOptions{TLS: &tls.Config{InsecureSkipVerify: true}})
		s := newSession(t, &aiohttp.SessionOptions{Connector: conn, ProxyHeader: http.Header{"X-Proxy": {"mark"}}})
		p.seen, p.lines = nil, nil
		for range 2 { // the second time on the same connection
			resp, err := s.Get(t.Context(), tt.url, &aiohttp.RequestOptions{Proxy: tt.proxy})
			if tt.class != nil {
				if !errors.Is(err, tt.class) || strings.Contains(err.Error(), "pass") {
					t.Errorf("%s: %v, want %v", tt.name, err, tt.class)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			got, _ := resp.Text(t.Context())
			if want := tt.url[strings.LastIndex(tt.url, "/"):]; got != want {
				t.Errorf("%s: the origin saw %q, want %q: nothing of the proxy's", tt.name, got, want)
			}
			resp.Close()
		}
		if n := conn.Stats().Open; tt.class == nil && n != 1 {
			t.Errorf("%s: %d connections", tt.name, n)
		}
		if tt.method != "" && (len(p.seen) == 0 || !strings.HasPrefix(p.seen[0], tt.method)) {
			t.Errorf("%s: the proxy saw %q", tt.name, p.seen)
		}
		if tt.method == "CONNECT" && p.seen[0] != "CONNECT mark" {
			t.Errorf("%s: the proxy's own header: %q", tt.name, p.seen)
		}
		if tt.name == "http by http" && p.lines[0] != tt.url {
			t.Errorf("the proxy saw %q, want %q", p.lines[0], tt.url)
		}
	}
	se, ok := errors.AsType[*aiohttp.ProxyStatusError](func() error {
		s := newSession(t, nil)
		_, err := s.Get(t.Context(), secure.URL, &aiohttp.RequestOptions{Proxy: viaHTTP.URL})
		return err
	}())
	if !ok || se.Status != 407 || se.Header.Get("Proxy-Authenticate") != "Basic" {
		t.Errorf("CONNECT refused: %+v", se)
	}
}

// socksServer is a SOCKS5 server that wants a password (RFC 1928, 1929).
func socksServer(t testing.TB, user, password string) string {
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		read := func(n int) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				return make([]byte, n)
			}
			return b
		}
		methods := read(int(read(2)[1]))
		if !strings.Contains(string(methods), "\x02") {
			c.Write([]byte{5, 0xff})
			return
		}
		c.Write([]byte{5, 2})
		u := read(int(read(2)[1]))
		pw := read(int(read(1)[0]))
		if string(u) != user || string(pw) != password {
			c.Write([]byte{1, 1})
			return
		}
		c.Write([]byte{1, 0})
		var host string
		switch read(4)[3] {
		case 1:
			host = net.IP(read(4)).String()
		case 3:
			host = string(read(int(read(1)[0])))
		case 4:
			host = net.IP(read(16)).String()
		}
		port := read(2)
		out, err := net.Dial("tcp", net.JoinHostPort(host, itoa(int(port[0])<<8|int(port[1]))))
		if err != nil {
			c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		defer out.Close()
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		join(c, r, out)
	})
	return strings.Replace(url, "http", "socks5", 1)
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// The environment's proxies and netrc are used when they are trusted, for the hosts they name.
func TestTrustEnv(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	p := &httpProxy{}
	proxy := httptest.NewServer(p)
	t.Cleanup(proxy.Close)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	port := srv.URL[strings.LastIndex(srv.URL, ":")+1:]
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", "")
	netrc := t.TempDir() + "/netrc"
	writeFile(t, netrc, "machine a.test login ana password \"p w\"\n# comment\nmacdef x\nls\n\nmachine b.test\n\tlogin ben\n\tpassword pwb\n")
	t.Setenv("NETRC", netrc)
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		noProxy, host string
		proxied       bool
		auth          string
	}{
		{"", "a.test", true, basic("ana:p w")},
		{"a.test", "a.test", false, basic("ana:p w")},
		{".test", "b.test", false, basic("ben:pwb")},
		{"test", "c.test", false, ""},
		{"a.test:1", "a.test", true, basic("ana:p w")},
		{"a.test:" + port, "a.test", false, basic("ana:p w")},
		{"*", "a.test", false, basic("ana:p w")},
		{"192.0.2.0/24", "192.0.2.7", false, ""},
		{"192.0.2.0/24", "192.0.3.7", true, ""},
	}
	for _, tt := range tests {
		t.Setenv("NO_PROXY", tt.noProxy)
		conn := newConnector(t, &aiohttp.ConnectorOptions{Resolver: loopback{}, Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
			if strings.HasPrefix(a, "192.0.2.") {
				a = "127.0.0.1:" + port
			}
			return new(net.Dialer).DialContext(ctx, n, a)
		}})
		s := newSession(t, &aiohttp.SessionOptions{Connector: conn, TrustEnv: true})
		p.seen = nil
		resp, err := s.Get(t.Context(), "http://"+tt.host+":"+port, nil)
		if err != nil {
			t.Errorf("NO_PROXY=%s %s: %v", tt.noProxy, tt.host, err)
			continue
		}
		got, _ := resp.Text(t.Context())
		resp.Close()
		if len(p.seen) > 0 != tt.proxied {
			t.Errorf("NO_PROXY=%s %s: proxied %v", tt.noProxy, tt.host, len(p.seen) > 0)
		}
		if !tt.proxied && got != tt.auth {
			t.Errorf("NO_PROXY=%s %s: auth %q, want %q", tt.noProxy, tt.host, got, tt.auth)
		}
	}
	s := newSession(t, nil)
	p.seen = nil
	if text(t, s, srv.URL, nil); len(p.seen) != 0 {
		t.Error("the environment was used without TrustEnv")
	}
}

package aiohttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
)

func newConnector(t testing.TB, opts *aiohttp.ConnectorOptions) *aiohttp.Connector {
	t.Helper()
	c := aiohttp.NewConnector(opts)
	t.Cleanup(func() { c.Close() })
	return c
}

// A rawServer answers each connection with a function, for answers that net/http would not give.
func rawServer(t testing.TB, serve func(n int, c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

// readRequest reads one request and returns its first line.
func readRequest(r *bufio.Reader) (string, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return "", err
	}
	io.Copy(io.Discard, req.Body)
	return req.Method + " " + req.RequestURI, nil
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A server that closes a kept connection just as the next request arrives: an
// idempotent request is sent once more, another one is not.
func TestResend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method string
		body   *aiohttp.Body
		resent bool
	}{
		{"GET", nil, true},
		{"PUT", aiohttp.Text("x"), true},
		{"DELETE", nil, true},
		{"POST", aiohttp.Text("x"), false},
		{"PATCH", aiohttp.Text("x"), false},
		{"PUT", aiohttp.Reader(io.LimitReader(strings.NewReader("x"), 1)), false},
	}
	for _, tt := range tests {
		var seen atomic.Int64
		url := rawServer(t, func(n int, c net.Conn, r *bufio.Reader) {
			for i := 0; ; i++ {
				if _, err := readRequest(r); err != nil {
					return
				}
				seen.Add(1)
				if n == 0 && i == 1 {
					return // the second request of the first connection: close without a word
				}
				io.WriteString(c, okAnswer)
			}
		})
		s := newSession(t, nil)
		text(t, s, url, nil)
		resp, err := s.Do(t.Context(), tt.method, url, &aiohttp.RequestOptions{Body: tt.body})
		if tt.resent {
			if err != nil {
				t.Errorf("%s: %v", tt.method, err)
				continue
			}
			resp.Close()
		} else if !errors.Is(err, aiohttp.ErrServerDisconnected) && !errors.Is(err, aiohttp.ErrConnectionReset) && !errors.Is(err, aiohttp.ErrBodyConsumed) {
			t.Errorf("%s: %v, want a disconnect", tt.method, err)
		}
		want := int64(2)
		if tt.resent {
			want = 3
		}
		if n := seen.Load(); n != want {
			t.Errorf("%s: the server saw %d requests, want %d", tt.method, n, want)
		}
		if st := s.Connector().Stats(); st.InFlight != 0 || (st.Resends == 1) != tt.resent {
			t.Errorf("%s: %+v", tt.method, st)
		}
	}
}

// A server that always hangs up gets a request twice at most.
func TestResendOnce(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	url := rawServer(t, func(n int, c net.Conn, r *bufio.Reader) {
		for i := 0; ; i++ {
			if _, err := readRequest(r); err != nil {
				return
			}
			if n > 0 || i > 0 {
				seen.Add(1)
				return
			}
			io.WriteString(c, okAnswer)
		}
	})
	s := newSession(t, nil)
	text(t, s, url, nil)
	_, err := s.Get(t.Context(), url, nil)
	if !errors.Is(err, aiohttp.ErrServerDisconnected) && !errors.Is(err, aiohttp.ErrConnectionReset) {
		t.Errorf("got %v", err)
	}
	if seen.Load() != 2 {
		t.Errorf("sent %d times", seen.Load())
	}
}

// A kept connection that the server closed while it was idle is not used, by any method.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	closing := make(chan net.Conn, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	srv.Config.ConnState = func(c net.Conn, st http.ConnState) {
		if st == http.StateIdle {
			select {
			case closing <- c:
			default:
			}
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	s := newSession(t, nil)
	for range 5 {
		text(t, s, srv.URL, nil)
		(<-closing).Close()
		untilHungUp(s.Connector())
		resp, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: aiohttp.Reader(strings.NewReader("once"))})
		if err != nil {
			t.Fatalf("POST on a connection that was closed while idle: %v", err)
		}
		resp.Bytes(t.Context())
		resp.Close()
		(<-closing).Close()
		untilHungUp(s.Connector())
	}
}

// untilHungUp waits until the end of every connection has arrived.
func untilHungUp(c *aiohttp.Connector) {
	for aiohttp.HungUp(c) < c.Stats().Open {
		runtime.Gosched()
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	var conns atomic.Int64
	keep := ""
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if keep != "" {
			w.Header().Set("Keep-Alive", keep)
		}
		io.WriteString(w, "ok")
	}))
	srv.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	tests := []struct {
		name string
		opts aiohttp.ConnectorOptions
		keep string
		idle time.Duration
		want int64
	}{
		{"kept", aiohttp.ConnectorOptions{}, "", 0, 1},
		{"none", aiohttp.ConnectorOptions{KeepAlive: -1}, "", 0, 3},
		{"no idle", aiohttp.ConnectorOptions{MaxIdle: -1}, "", 0, 3},
		{"idle", aiohttp.ConnectorOptions{}, "", 29 * time.Second, 1},
		{"idle too long", aiohttp.ConnectorOptions{}, "", 30 * time.Second, 3},
		{"too old", aiohttp.ConnectorOptions{MaxAge: 20 * time.Second}, "", 20 * time.Second, 3},
		{"the server's word", aiohttp.ConnectorOptions{}, "timeout=5, max=9", 3 * time.Second, 1},
		{"past the server's word", aiohttp.ConnectorOptions{}, "timeout=5, max=9", 4 * time.Second, 3},
	}
	for _, tt := range tests {
		conns.Store(0)
		keep = tt.keep
		s := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &tt.opts)})
		for range 3 {
			text(t, s, srv.URL, nil)
			aiohttp.AgeIdle(s.Connector(), tt.idle)
		}
		if n := conns.Load(); n != tt.want {
			t.Errorf("%s: %d connections, want %d", tt.name, n, tt.want)
		}
	}
}

func wait(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// Idle connections are closed when their time is over, without a request to notice it.
func TestSweep(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	conn := newConnector(t, &aiohttp.ConnectorOptions{KeepAlive: 20 * time.Millisecond})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	text(t, s, srv.URL, nil)
	for conn.Stats().Open > 0 {
		wait(t, time.Millisecond)
	}
	if st := conn.Stats(); st.Expired != 1 {
		t.Errorf("%+v", st)
	}
}

func TestPrewarm(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	srv := serve(t, h)
	s := newSession(t, &aiohttp.SessionOptions{TLS: &aiohttp.TLSOptions{Insecure: true}})
	if err := s.Prewarm(t.Context(), srv.URL, 3); err != nil {
		t.Fatal(err)
	}
	if st := s.Connector().Stats(); st.Idle != 3 || st.Dials != 3 || st.InFlight != 0 {
		t.Errorf("%+v", st)
	}
	text(t, s, srv.URL, nil)
	h2 := httptest.NewUnstartedServer(h)
	h2.EnableHTTP2 = true
	h2.StartTLS()
	t.Cleanup(h2.Close)
	if err := s.Prewarm(t.Context(), h2.URL, 3); err != nil {
		t.Fatal(err)
	}
	text(t, s, h2.URL, nil)
	if st := s.Connector().Stats(); st.Dials != 4 || st.Reused != 2 {
		t.Errorf("%+v", st)
	}
	if err := s.Prewarm(t.Context(), "http://127.0.0.1:1", 1); !errors.Is(err, aiohttp.ErrConnector) {
		t.Errorf("prewarming nothing: %v", err)
	}
}

// Limits that are changed while requests wait take effect at once.
func TestLiveLimits(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var inside atomic.Int64
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		inside.Add(1)
		<-release
	})
	conn := newConnector(t, &aiohttp.ConnectorOptions{Limit: 1, PerHost: 1})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			resp, err := s.Get(t.Context(), srv.URL, nil)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Close()
		})
	}
	reach := func(inFlight, waiting int) {
		t.Helper()
		for {
			st := conn.Stats()
			if st.InFlight == inFlight && st.Waiting == waiting && inside.Load() == int64(inFlight) {
				return
			}
			if t.Context().Err() != nil {
				t.Fatalf("never %d in flight, %d waiting: %+v", inFlight, waiting, st)
			}
			runtime.Gosched()
		}
	}
	reach(1, 5)
	conn.SetLimits(10, 3)
	reach(3, 3)
	conn.SetLimits(4, 0)
	reach(4, 2)
	conn.SetLimits(-1, -1)
	reach(6, 0)
	close(release)
	wg.Wait()
}

// Waiters are served in the order of their arrival; another host's place frees
// the total; those who leave the queue lose nothing for others.
func TestFairness(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	h := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		order = append(order, r.URL.Path)
		mu.Unlock()
	}
	a, b := serve(t, h), serve(t, h)
	block := make(chan struct{})
	hold := serve(t, func(w http.ResponseWriter, r *http.Request) { <-block })
	conn := newConnector(t, &aiohttp.ConnectorOptions{Limit: 1})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	var wg sync.WaitGroup
	get := func(ctx context.Context, url string) {
		wg.Go(func() {
			resp, err := s.Get(ctx, url, nil)
			if err == nil {
				resp.Close()
			} else if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	queued := func(n int) {
		for conn.Stats().Waiting != n {
			runtime.Gosched()
		}
	}
	get(t.Context(), hold.URL)
	for conn.Stats().InFlight == 0 {
		runtime.Gosched()
	}
	var want []string
	quit, cancel := context.WithCancel(t.Context())
	n := 0
	for i := range 100 {
		url := a.URL
		if i%3 == 0 {
			url = b.URL
		}
		ctx := t.Context()
		if i%7 == 3 {
			ctx = quit
		} else {
			want = append(want, fmt.Sprintf("/%d", i))
		}
		get(ctx, fmt.Sprintf("%s/%d", url, i))
		n++
		queued(n)
	}
	cancel()
	queued(len(want))
	close(block)
	wg.Wait()
	if fmt.Sprint(order) != fmt.Sprint(want) {
		t.Errorf("served in order %v,\nwant %v", order, want)
	}
}

func TestCloseWakesWaiters(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { <-block })
	t.Cleanup(func() { close(block) })
	conn := newConnector(t, &aiohttp.ConnectorOptions{Limit: 1})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := s.Get(t.Context(), srv.URL, nil)
			errs <- err
		}()
	}
	for conn.Stats().Waiting != 2 {
		runtime.Gosched()
	}
	conn.Close()
	for range 3 {
		if err := <-errs; !errors.Is(err, aiohttp.ErrSessionClosed) {
			t.Errorf("got %v, want ErrSessionClosed", err)
		}
	}
	if _, err := s.Get(t.Context(), srv.URL, nil); !errors.Is(err, aiohttp.ErrSessionClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A response that is dropped without Close is reported and its connection freed.
func TestDroppedResponse(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	var log lockedBuffer
	s := newSession(t, &aiohttp.SessionOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	func() {
		if _, err := s.Get(t.Context(), srv.URL+"/?token=secret", nil); err != nil {
			t.Fatal(err)
		}
	}()
	for s.Connector().Stats().InFlight > 0 {
		runtime.GC()
		wait(t, time.Millisecond)
	}
	if s.Connector().Stats().Leaked != 1 || !strings.Contains(log.String(), "dropped") || strings.Contains(log.String(), "secret") {
		t.Errorf("%+v, log %q", s.Connector().Stats(), log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A short rest of a body is read by Close, so that the connection is kept.
func TestBoundedDrain(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := 1000
		if r.URL.Path == "/long" {
			n = 10 << 20
		}
		w.Header().Set("Content-Length", fmt.Sprint(n))
		w.Write(make([]byte, n))
	})
	s := newSession(t, nil)
	for path, open := range map[string]int{"/short": 1, "/long": 0} {
		resp, err := s.Get(t.Context(), srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Close()
		if n := s.Connector().Stats().Open; n != open {
			t.Errorf("%s: %d connections kept, want %d", path, n, open)
		}
		s.Connector().SetLimits(0, 0)
		if path == "/short" {
			text(t, s, srv.URL+"/short", nil)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skip(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	s := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{UnixPath: path})})
	if got := text(t, s, "http://docker/info", nil); got != "docker" {
		t.Errorf("got %q", got)
	}
	s2 := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{UnixPath: path + "no"})})
	if _, err := s2.Get(t.Context(), "http://x/", nil); !errors.Is(err, aiohttp.ErrUnixSocket) {
		t.Errorf("no socket: %v", err)
	}
}

// A slowResolver counts lookups and holds them until told.
type slowResolver struct {
	n     atomic.Int64
	hold  chan struct{}
	addrs []netip.Addr
}

func (r *slowResolver) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	r.n.Add(1)
	select {
	case <-r.hold:
		return r.addrs, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Those who need the same name share one lookup, which the cancel of one does not end.
func TestSharedLookup(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	r := &slowResolver{hold: make(chan struct{}), addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	s := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{Resolver: r})})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.Get(ctx, "http://name.test"+port, nil)
		first <- err
	}()
	for r.n.Load() == 0 {
		runtime.Gosched()
	}
	rest := make(chan error, 10)
	for range cap(rest) {
		go func() {
			resp, err := s.Get(t.Context(), "http://NAME.test."+port, nil)
			if err == nil {
				resp.Close()
			}
			rest <- err
		}()
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who began: %v", err)
	}
	close(r.hold)
	for range cap(rest) {
		if err := <-rest; err != nil {
			t.Error(err)
		}
	}
	if n := r.n.Load(); n != 1 {
		t.Errorf("%d lookups", n)
	}
}

// The first address that answers wins; when all fail the error has each.
func TestHappyEyeballs(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	addr := srv.Listener.Addr().String()
	var tried lockedBuffer
	conn := newConnector(t, &aiohttp.ConnectorOptions{
		FallbackDelay: 5 * time.Millisecond,
		Resolver: &slowResolver{hold: closed, addrs: []netip.Addr{
			netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"),
		}},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			fmt.Fprintln(&tried, address)
			switch {
			case strings.Contains(address, "fail"), strings.HasPrefix(address, "192.0.2.2"):
				return new(net.Dialer).DialContext(ctx, network, addr)
			case strings.HasPrefix(address, "192.0.2.1"):
				return nil, errors.New("refused")
			default: // a black hole
				<-ctx.Done()
				return nil, ctx.Err()
			}
		},
	})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	if got := text(t, s, "http://four.test:80/", nil); got != "ok" {
		t.Error(got)
	}
	if got, want := tried.String(), "[2001:db8::1]:80\n192.0.2.1:80\n[2001:db8::2]:80\n192.0.2.2:80\n"; got != want {
		t.Errorf("tried in order\n%swant\n%s", got, want)
	}
	all := newConnector(t, &aiohttp.ConnectorOptions{
		Resolver: &slowResolver{hold: closed, addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}},
		Dial:     func(_ context.Context, _, a string) (net.Conn, error) { return nil, errors.New("no way to " + a) },
	})
	s2 := newSession(t, &aiohttp.SessionOptions{Connector: all})
	_, err := s2.Get(t.Context(), "http://x.test/", nil)
	if !errors.Is(err, aiohttp.ErrConnector) || !strings.Contains(err.Error(), "192.0.2.1") || !strings.Contains(err.Error(), "192.0.2.2") {
		t.Errorf("all fail: %v", err)
	}
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// DenyPrivate refuses addresses of one's own network, by name and by number.
func TestDenyPrivate(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the server was reached") })
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	s := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{AllowAddr: aiohttp.DenyPrivate, Resolver: loopback{}})})
	for _, host := range []string{"127.0.0.1", "public.test", "[::1]", "[::ffff:127.0.0.1]"} {
		if _, err := s.Get(t.Context(), "http://"+host+port, nil); !errors.Is(err, aiohttp.ErrConnector) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for addr, ok := range map[string]bool{
		"10.0.0.1:1": false, "172.16.1.1:1": false, "192.168.1.1:1": false, "169.254.169.254:80": false, "100.64.0.1:1": false,
		"[fe80::1]:1": false, "[fd00::1]:1": false, "0.0.0.0:1": false, "224.0.0.1:1": false, "8.8.8.8:53": true, "[2606:4700::1]:1": true, "nonsense": false,
	} {
		if err := aiohttp.DenyPrivate(addr); (err == nil) != ok {
			t.Errorf("DenyPrivate(%s) = %v", addr, err)
		}
	}
}

func TestTimings(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	s := newSession(t, nil)
	for i := range 2 {
		resp, err := s.Get(t.Context(), srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tm := resp.Timings(); tm.Body != 0 {
			t.Errorf("before the body: %+v", tm)
		}
		resp.Bytes(t.Context())
		resp.Close()
		tm := resp.Timings()
		if tm.Reused != (i == 1) || tm.FirstByte <= 0 || tm.Body <= 0 || tm.Dial <= 0 || tm.TLS != 0 || (i == 0) != (tm.Connect > tm.Dial) {
			t.Errorf("request %d: %+v", i, tm)
		}
	}
}

// Closing ends a dial that goes on.
func TestCloseEndsADial(t *testing.T) {
	t.Parallel()
	dialing := make(chan struct{})
	conn := newConnector(t, &aiohttp.ConnectorOptions{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(dialing)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	got := make(chan error, 1)
	go func() {
		_, err := s.Get(t.Context(), "http://192.0.2.1/", nil)
		got <- err
	}()
	<-dialing
	conn.Close()
	if err := <-got; !errors.Is(err, aiohttp.ErrSessionClosed) {
		t.Errorf("got %v", err)
	}
}

type closeCounter struct {
	io.Reader
	n int
}

func (c *closeCounter) Close() error { c.n++; return nil }

// A reader that was handed over is closed, however far the request came.
func TestBodyIsClosed(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	s := newSession(t, nil)
	for _, url := range []string{srv.URL, "http://127.0.0.1:1/", "ftp://h/", srv.URL + "/closed"} {
		if strings.HasSuffix(url, "/closed") {
			s.Close()
		}
		body := &closeCounter{Reader: strings.NewReader("body")}
		resp, err := s.Post(t.Context(), url, &aiohttp.RequestOptions{Body: aiohttp.Reader(body)})
		if err == nil {
			resp.Bytes(t.Context())
			resp.Close()
		}
		if body.n == 0 {
			t.Errorf("%s: the body was not closed (%v)", url, err)
		}
	}
}

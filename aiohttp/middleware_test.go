package aiohttp_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartet-go/quartet/aiohttp"
)

// A fakeWire answers requests in memory, for tests of what stands above the wire.
type fakeWire func(r *http.Request) (*http.Response, error)

func (f fakeWire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	resp, err := f(r)
	if resp != nil && resp.Body == nil {
		resp.Body = http.NoBody
	}
	if resp != nil && resp.Header == nil {
		resp.Header = make(http.Header)
	}
	return resp, err
}

func answer(status int, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: make(http.Header), Body: http.NoBody}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Add(header[i], header[i+1])
	}
	return resp
}

// Middleware runs in order around each hop, and a request's list replaces the session's.
func TestMiddlewareOrder(t *testing.T) {
	t.Parallel()
	var log []string
	note := func(name string) aiohttp.Middleware {
		return func(ctx context.Context, req *aiohttp.Request, next aiohttp.Handler) (*aiohttp.Response, error) {
			log = append(log, name+" "+req.URL.Path)
			req.SetHeader("X-Trail", req.Header.Get("X-Trail")+name)
			resp, err := next(ctx, req)
			log = append(log, name+" done")
			return resp, err
		}
	}
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a" {
			http.Redirect(w, r, "/b", http.StatusFound)
			return
		}
		io.WriteString(w, r.Header.Get("X-Trail"))
	})
	s := newSession(t, &aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{note("1"), note("2")}})
	trail := text(t, s, srv.URL+"/a", nil)
	want := []string{"1 /a", "2 /a", "2 done", "1 done", "1 /b", "2 /b", "2 done", "1 done"}
	if diff := cmp.Diff(want, log); diff != "" || trail != "1212" {
		t.Errorf("trail %q, %s", trail, diff)
	}
	if got := text(t, s, srv.URL+"/b", nil); got != "12" {
		t.Errorf("the next request: %q; the session's header was changed", got)
	}
	if got := text(t, s, srv.URL+"/b", &aiohttp.RequestOptions{Middleware: []aiohttp.Middleware{note("3")}}); got != "3" {
		t.Errorf("with a list of its own: %q", got)
	}
}

// Retry, on the bubble's clock: what is tried again, how often, after which pauses.
func TestRetry(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		opts    aiohttp.RetryOptions
		method  string
		body    *aiohttp.Body
		answers []any // int, *http.Response or error; the last one repeats
		status  int
		sent    int
		least   time.Duration
		most    time.Duration
	}{
		{"at once", aiohttp.RetryOptions{}, "GET", nil, []any{200}, 200, 1, 0, 0},
		{"passing", aiohttp.RetryOptions{}, "GET", nil, []any{503, 500, 200}, 200, 3, 300 * time.Millisecond, 600 * time.Millisecond},
		{"lasting", aiohttp.RetryOptions{}, "GET", nil, []any{502}, 502, 4, 700 * time.Millisecond, 1400 * time.Millisecond},
		{"not a passing status", aiohttp.RetryOptions{}, "GET", nil, []any{404}, 404, 1, 0, 0},
		{"not idempotent", aiohttp.RetryOptions{}, "POST", nil, []any{503}, 503, 1, 0, 0},
		{"allowed method", aiohttp.RetryOptions{Methods: []string{"POST"}}, "POST", aiohttp.Text("b"), []any{503, 200}, 200, 2, 0, time.Second},
		{"read once", aiohttp.RetryOptions{}, "PUT", aiohttp.Reader(io.LimitReader(strings.NewReader("b"), 9)), []any{503}, 503, 1, 0, 0},
		{"retry-after", aiohttp.RetryOptions{}, "GET", nil, []any{answer(429, "Retry-After", "7"), 200}, 200, 2, 7 * time.Second, 7 * time.Second},
		{"retry-after too long", aiohttp.RetryOptions{}, "GET", nil, []any{answer(429, "Retry-After", "999"), 200}, 429, 1, 0, 0},
		{"attempts", aiohttp.RetryOptions{Attempts: 2}, "GET", nil, []any{503}, 503, 2, 0, time.Second},
		{"error", aiohttp.RetryOptions{}, "GET", nil, []any{io.EOF, 200}, 200, 2, 0, time.Second},
		{"lasting error", aiohttp.RetryOptions{}, "GET", nil, []any{errors.New("no")}, 0, 1, 0, 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			wire := fakeWire(func(r *http.Request) (*http.Response, error) {
				a := tt.answers[min(sent, len(tt.answers)-1)]
				sent++
				if r.Body != nil {
					io.Copy(io.Discard, r.Body)
				}
				switch a := a.(type) {
				case int:
					return answer(a), nil
				case error:
					return nil, a
				}
				return a.(*http.Response), nil
			})
			s, err := aiohttp.NewSession(&aiohttp.SessionOptions{Transport: wire, Middleware: []aiohttp.Middleware{aiohttp.Retry(&tt.opts)}})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			resp, err := s.Do(t.Context(), tt.method, "http://h/", &aiohttp.RequestOptions{Body: tt.body})
			took := time.Since(start)
			status := 0
			if err == nil {
				status = resp.Status
				resp.Close()
			}
			if status != tt.status || sent != tt.sent || took < tt.least || took > tt.most {
				t.Errorf("%s: status %d (%v) after %d requests and %v; want %d, %d, %v to %v", tt.name, status, err, sent, took, tt.status, tt.sent, tt.least, tt.most)
			}
		})
	}
}

// The budget keeps retries of a host that is down to a fraction, and other hosts have their own.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	wire := fakeWire(func(r *http.Request) (*http.Response, error) {
		sent.Add(1)
		return answer(503), nil
	})
	s := newSession(t, &aiohttp.SessionOptions{Transport: wire, Middleware: []aiohttp.Middleware{aiohttp.Retry(&aiohttp.RetryOptions{Delay: 1, MaxDelay: 1})}})
	for range 200 {
		resp, err := s.Get(t.Context(), "http://down/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Close()
	}
	if n := sent.Load(); n < 230 || n > 260 {
		t.Errorf("200 requests became %d, want about 250: ten free retries and a fifth", n)
	}
	sent.Store(0)
	if resp, err := s.Get(t.Context(), "http://other/", nil); err != nil || sent.Load() != 4 {
		t.Errorf("another host: %v, %d requests", err, sent.Load())
	} else {
		resp.Close()
	}
}

func TestRetryStopsWithTheContext(t *testing.T) {
	t.Parallel()
	wire := fakeWire(func(r *http.Request) (*http.Response, error) { return answer(503), nil })
	s := newSession(t, &aiohttp.SessionOptions{Transport: wire, Middleware: []aiohttp.Middleware{aiohttp.Retry(&aiohttp.RetryOptions{Delay: time.Hour, MaxDelay: time.Hour})}})
	_, err := s.Get(t.Context(), "http://h/", &aiohttp.RequestOptions{Timeouts: aiohttp.Timeouts{Total: 10 * time.Millisecond}})
	wantTimeout(t, "total over retries", err, aiohttp.PhaseTotal, aiohttp.ErrTimeout)
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Duration
		start := time.Now()
		now, most := 0, 0
		wire := fakeWire(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			at = append(at, time.Since(start))
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(250 * time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			return answer(200), nil
		})
		limit := aiohttp.RateLimit(&aiohttp.RateOptions{PerSecond: 10, Burst: 2, AtOnce: 2})
		s, err := aiohttp.NewSession(&aiohttp.SessionOptions{Transport: wire, Middleware: []aiohttp.Middleware{limit}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				resp, err := s.Get(t.Context(), "http://h/", nil)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Close()
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		synctest.Wait()
		if _, err := s.Get(ctx, "http://h/", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up in the queue: %v", err)
		}
		wg.Wait()
		if most != 2 || len(at) != 6 || at[1] != 0 || at[2] < 200*time.Millisecond || at[5] < 500*time.Millisecond {
			t.Errorf("%d at once, at %v", most, at)
		}
	})
}

func TestBasicAndBearer(t *testing.T) {
	t.Parallel()
	var seen []string
	h := func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	}
	home, other := serve(t, h), serve(t, h)
	basic, err := aiohttp.Basic(home.URL+"/x", "ана", "p:w")
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := aiohttp.Bearer(other.URL, "tok")
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, &aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{basic, bearer}})
	text(t, s, home.URL, &aiohttp.RequestOptions{Params: aiohttp.Params("to", other.URL)})
	text(t, s, home.URL, &aiohttp.RequestOptions{Header: http.Header{"Authorization": {"own"}}})
	if diff := cmp.Diff([]string{"Basic 0LDQvdCwOnA6dw==", "Bearer tok", "own"}, seen); diff != "" {
		t.Error(diff)
	}
	if _, err := aiohttp.Basic("nowhere", "u", "secret"); !errors.Is(err, aiohttp.ErrInvalidURL) {
		t.Errorf("no origin: %v", err)
	}
}

// A digestServer checks answers by itself, from the RFC.
type digestServer struct {
	algorithm, qop string
	nonce          int
	seen           []string
}

var digestParam = regexp.MustCompile(`(\w+)=("((?:[^"\\]|\\.)*)"|[^,]*)`)

func (d *digestServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	auth := r.Header.Get("Authorization")
	p := make(map[string]string)
	for _, m := range digestParam.FindAllStringSubmatch(strings.TrimPrefix(auth, "Digest "), -1) {
		p[m[1]] = m[2]
		if strings.HasPrefix(m[2], `"`) {
			p[m[1]] = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[3])
		}
	}
	h := func(s string) string {
		if strings.HasPrefix(d.algorithm, "SHA-256") {
			b := sha256.Sum256([]byte(s))
			return hex.EncodeToString(b[:])
		}
		b := md5.Sum([]byte(s))
		return hex.EncodeToString(b[:])
	}
	const realm = `a "quoted\ realm`
	a1 := h("ana:" + realm + `:se"cret`)
	if strings.HasSuffix(d.algorithm, "-sess") {
		a1 = h(a1 + ":" + p["nonce"] + ":" + p["cnonce"])
	}
	a2 := h(r.Method + ":" + r.RequestURI)
	if d.qop == "auth-int" {
		a2 = h(r.Method + ":" + r.RequestURI + ":" + h(string(body)))
	}
	want := h(a1 + ":" + p["nonce"] + ":" + a2)
	if d.qop != "" {
		want = h(a1 + ":" + p["nonce"] + ":" + p["nc"] + ":" + p["cnonce"] + ":" + d.qop + ":" + a2)
	}
	d.seen = append(d.seen, p["nc"])
	stale := p["nonce"] != "" && p["nonce"] != fmt.Sprint("n", d.nonce)
	if p["response"] != want || stale {
		d.nonce++
		challenge := fmt.Sprintf(`Negotiate, Newauth a="1, Digest b", Digest realm="a \"quoted\\ realm", nonce="n%d", stale=%v, opaque=""`, d.nonce, stale)
		if d.qop != "" {
			challenge += `, qop="` + d.qop + `"`
		}
		if d.algorithm != "" {
			challenge += ", algorithm=" + d.algorithm
		}
		w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
		w.Header().Add("WWW-Authenticate", challenge)
		w.WriteHeader(401)
		return
	}
	io.WriteString(w, "in")
}

func TestDigest(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"", "MD5", "MD5-sess", "SHA-256", "SHA-256-sess"} {
		for _, qop := range []string{"", "auth", "auth-int"} {
			if qop == "" && algorithm != "" && algorithm != "MD5" {
				continue
			}
			name := algorithm + " " + qop
			d := &digestServer{algorithm: algorithm, qop: qop}
			srv := serve(t, d.ServeHTTP)
			digest, err := aiohttp.Digest(srv.URL, "ana", `se"cret`)
			if err != nil {
				t.Fatal(err)
			}
			s := newSession(t, &aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{digest}})
			post := func(path string, body *aiohttp.Body) int {
				resp, err := s.Post(t.Context(), srv.URL+path, &aiohttp.RequestOptions{Body: body})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				defer resp.Close()
				return resp.Status
			}
			for _, path := range []string{"/a%2fb|c?d=%41", "/second"} {
				if st := post(path, aiohttp.Text("body")); st != 200 {
					t.Errorf("%s %s: status %d", name, path, st)
				}
			}
			if len(d.seen) != 3 {
				t.Errorf("%s: %d requests, want 3: the second one is authorized at once", name, len(d.seen))
			}
			if qop != "" && (d.seen[1] != "00000001" || d.seen[2] != "00000002") {
				t.Errorf("%s: counts %v", name, d.seen)
			}
			d.nonce += 10 // ours is stale now
			if st := post("/third", aiohttp.Text("body")); st != 200 {
				t.Errorf("%s: with a stale nonce: status %d", name, st)
			}
			wrong, _ := aiohttp.Digest(srv.URL, "ana", "wrong")
			resp, err := s.Get(t.Context(), srv.URL, &aiohttp.RequestOptions{Middleware: []aiohttp.Middleware{wrong}})
			if err != nil || resp.Status != 401 {
				t.Errorf("%s: wrong password: %v", name, err)
			}
			resp.Close()
		}
	}
}

// A body that can be read once is not sent short after a challenge; credentials go to no other origin.
func TestDigestLimits(t *testing.T) {
	t.Parallel()
	d := &digestServer{qop: "auth"}
	srv, other := serve(t, d.ServeHTTP), serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials at another origin")
		}
		w.Header().Set("WWW-Authenticate", `Digest realm="x", nonce="y", qop="auth"`)
		w.WriteHeader(401)
	})
	digest, _ := aiohttp.Digest(srv.URL, "ana", `se"cret`)
	s := newSession(t, &aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{digest}})
	_, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: aiohttp.Reader(strings.NewReader("once"))})
	if !errors.Is(err, aiohttp.ErrBodyConsumed) {
		t.Errorf("a reader: %v", err)
	}
	if got := text(t, s, srv.URL, nil); got != "in" {
		t.Errorf("got %q", got)
	}
	resp, err := s.Get(t.Context(), other.URL, nil)
	if err != nil || resp.Status != 401 {
		t.Errorf("the other origin: %v", err)
	}
	resp.Close()
	if n := s.Connector().Stats().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestLogRequestsHidesSecrets(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") })
	var log lockedBuffer
	s := newSession(t, &aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{
		aiohttp.LogRequests(slog.New(slog.NewTextHandler(&log, nil)), slog.LevelInfo),
	}})
	text(t, s, strings.Replace(srv.URL, "//", "//u:secret@", 1)+"/path?token=secret", &aiohttp.RequestOptions{Header: http.Header{"X-Key": {"secret"}}})
	s.Get(t.Context(), "http://u:secret@127.0.0.1:1/?k=secret", nil)
	out := log.String()
	if strings.Contains(out, "secret") || !strings.Contains(out, "/path?...") || !strings.Contains(out, "status=200") || !strings.Contains(out, "level=WARN") {
		t.Errorf("log:\n%s", out)
	}
}

// The traces come in order, each once; a failed or cancelled request ends in one exception.
func TestTraces(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/a" {
			http.Redirect(w, r, "/b", http.StatusTemporaryRedirect)
			return
		}
		io.WriteString(w, "answer")
	})
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	var mu sync.Mutex
	var got []string
	trace := func(_ context.Context, e aiohttp.TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		if e.Value != "mine" {
			t.Errorf("%s: value %v", e.Kind, e.Value)
		}
		if strings.Contains(e.URL, "secret") {
			t.Errorf("%s: %s", e.Kind, e.URL)
		}
		got = append(got, string(e.Kind))
	}
	s := newSession(t, &aiohttp.SessionOptions{Traces: []aiohttp.Trace{trace}, Connector: newConnector(t, &aiohttp.ConnectorOptions{Resolver: loopback{}})})
	resp, err := s.Put(t.Context(), "http://name.test"+port+"/a?secret", &aiohttp.RequestOptions{Body: aiohttp.Text("b"), TraceValue: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	resp.Bytes(t.Context())
	resp.Close()
	want := []string{
		"request start", "connection create start", "dns cache miss", "dns resolve start", "dns resolve end", "connection create end",
		"request headers sent", "request chunk sent", "request redirect",
		"connection reuse", "request headers sent", "request chunk sent", "request end", "response chunk received",
	}
	mu.Lock()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = nil
	mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Get(ctx, srv.URL, &aiohttp.RequestOptions{TraceValue: "mine"})
	s.Get(t.Context(), "http://127.0.0.1:1", &aiohttp.RequestOptions{TraceValue: "mine"})
	mu.Lock()
	defer mu.Unlock()
	n := 0
	for _, k := range got {
		if k == "request exception" {
			n++
		}
	}
	if n != 2 || got[len(got)-1] != "request exception" {
		t.Errorf("failures: %v", got)
	}
}

func TestTraceQueue(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	var mu sync.Mutex
	var got []aiohttp.TraceKind
	conn := newConnector(t, &aiohttp.ConnectorOptions{Limit: 1})
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn, Traces: []aiohttp.Trace{func(_ context.Context, e aiohttp.TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e.Kind)
	}}})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { text(t, s, srv.URL, nil) })
	}
	for conn.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
	count := make(map[aiohttp.TraceKind]int)
	for _, k := range got {
		count[k]++
	}
	if count[aiohttp.TraceQueuedStart] != 1 || count[aiohttp.TraceQueuedEnd] != 1 || count[aiohttp.TraceReuse] != 1 {
		t.Errorf("%v", got)
	}
}

// Existing Go code joins in, in both directions.
func TestClientAndTransport(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/r" {
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
			return
		}
		io.WriteString(w, r.Method+string(b))
	})
	s := newSession(t, nil)
	client := s.Client()
	resp, err := client.Post(srv.URL+"/r", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(b) != "POSTbody" {
		t.Errorf("a net/http client on our pool got %q", b)
	}
	if st := s.Connector().Stats(); st.InFlight != 0 || st.Dials != 1 {
		t.Errorf("%+v", st)
	}
	over := newSession(t, &aiohttp.SessionOptions{Transport: client.Transport})
	got := ""
	if resp, err := over.Put(t.Context(), srv.URL+"/r", &aiohttp.RequestOptions{JSON: 1}); err == nil {
		got, _ = resp.Text(t.Context())
		resp.Close()
	}
	if got != "PUT1" {
		t.Errorf("a session over a RoundTripper got %q", got)
	}
	s.Close()
	if _, err := client.Get(srv.URL); !errors.Is(err, aiohttp.ErrSessionClosed) {
		t.Errorf("after Close: %v", err)
	}
}

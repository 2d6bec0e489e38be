package aiohttp_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
)

// TestSecurityHistory repeats what went wrong in HTTP clients before. Each case
// is named for the report it comes from.
func TestSecurityHistory(t *testing.T) {
	t.Parallel()
	// raw answers every request of every connection with the same bytes, then closes.
	raw := func(answer string) string {
		return rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
			if _, err := readRequest(r); err == nil {
				io.WriteString(c, answer)
			}
		})
	}
	get := func(s *aiohttp.Session, url string) (string, error) {
		resp, err := s.Get(t.Context(), url, nil)
		if err != nil {
			return "", err
		}
		defer resp.Close()
		return resp.Text(t.Context())
	}

	t.Run("CVE-2023-49081 and -49082, CVE-2026-34519: line breaks in start line and headers", func(t *testing.T) {
		srv := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
		s := newSession(t, nil)
		for c := range 256 {
			forbidden := c < 0x20 && c != '\t' || c == 0x7f
			if !forbidden {
				continue
			}
			if _, err := s.Do(t.Context(), "GET"+string(rune(c)), srv.URL, nil); !errors.Is(err, aiohttp.ErrInvalidRequest) {
				t.Errorf("method with %#x: %v", c, err)
			}
			for _, h := range []http.Header{{"X": {"a" + string(rune(c)) + "b"}}, {"X" + string(rune(c)): {"a"}}} {
				if _, err := s.Get(t.Context(), srv.URL, &aiohttp.RequestOptions{Header: h}); !errors.Is(err, aiohttp.ErrInvalidRequest) {
					t.Errorf("header %q: %v", h, err)
				}
			}
		}
	})
	t.Run("line breaks in the URL are encoded, not sent", func(t *testing.T) {
		seen := make(chan string, 1)
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.RequestURI })
		s := newSession(t, nil)
		if _, err := get(s, srv.URL+"/a\r\nX: y?b\nc"); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != "/a%0D%0AX:%20y?b%0Ac" {
			t.Errorf("sent %q", got)
		}
	})
	t.Run("CVE-2023-47641: both Content-Length and chunked", func(t *testing.T) {
		s := newSession(t, nil)
		got, err := get(s, raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"))
		if err == nil && got != "ok" {
			t.Errorf("read %q: the length was believed", got)
		}
	})
	t.Run("CVE-2022-1705, CVE-2024-23829: malformed framing is refused", func(t *testing.T) {
		s := newSession(t, nil)
		for _, bad := range []string{
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
			"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nContent-Length: ２\r\n\r\nok", // CVE-2025-69225: digits that are not ASCII
			"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;\nok\r\n0\r\n\r\n", // CVE-2025-22871: bare LF
			"HTTP/1.1 200 OK\r\nX y: z\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nX : z\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 200 OK\r\n continued: z\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok", // CVE-2026-34520
			"HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/11 200 OK\r\nContent-Length: 2\r\n\r\nok",
			"nonsense\r\n\r\n",
		} {
			if got, err := get(s, raw(bad)); err == nil {
				t.Errorf("%q was taken and gave %q", bad, got)
			} else if !errors.Is(err, aiohttp.ErrClient) {
				t.Errorf("%q: %v has no class", bad, err)
			}
		}
		if st := s.Connector().Stats(); st.InFlight != 0 || st.Open != 0 {
			t.Errorf("left %+v", st)
		}
	})
	t.Run("an answer that nobody asked for does not go to the next request", func(t *testing.T) {
		s := newSession(t, nil)
		url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
			for {
				path, err := readRequest(r)
				if err != nil {
					return
				}
				io.WriteString(c, okAnswer)
				if strings.HasSuffix(path, "/first") {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
				}
			}
		})
		for range 3 {
			if got, err := get(s, url+"/first"); err != nil || got != "ok" {
				t.Fatalf("%q, %v", got, err)
			}
			untilHungUp(s.Connector()) // or spoke: until more has come than was asked for
			if got, err := get(s, url+"/second"); err != nil || got != "ok" {
				t.Fatalf("%q, %v", got, err)
			}
		}
	})
	t.Run("CVE-2025-69223: small that becomes very large", func(t *testing.T) {
		for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
			bomb := compress(t, coding, make([]byte, 18<<20))
			srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", coding)
				w.Write(bomb)
			})
			s := newSession(t, nil)
			resp, err := s.Get(t.Context(), srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for chunk, cerr := range resp.Chunks(t.Context(), 0) {
				total += len(chunk)
				err = cerr
			}
			resp.Close()
			if l, ok := errors.AsType[*aiohttp.LimitError](err); !ok || l.What != "compression ratio" || total > 17<<20 {
				t.Errorf("%s: %d bytes came out, %v", coding, total, err)
			}
		}
	})
	t.Run("CVE-2026-22815 and -54277: headers and trailers without end", func(t *testing.T) {
		s := newSession(t, nil)
		lines := strings.Repeat("X: y\r\n", 200)
		var many strings.Builder
		many.WriteString("HTTP/1.1 200 OK\r\n")
		for i := range 200 {
			many.WriteString(fmt.Sprintf("X-%d: y\r\n", i))
		}
		if _, err := get(s, raw(many.String()+"Content-Length: 2\r\n\r\nok")); !errors.Is(err, aiohttp.ErrLimit) {
			t.Errorf("200 fields: %v", err)
		}
		if _, err := get(s, raw("HTTP/1.1 200 OK\r\n"+strings.Repeat("X: y\r\n", 2000)+"Content-Length: 2\r\n\r\nok")); !errors.Is(err, aiohttp.ErrLimit) {
			t.Errorf("2000 values: %v", err)
		}
		if _, err := get(s, raw("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("y", 1<<20)+"\r\nContent-Length: 2\r\n\r\nok")); err == nil {
			t.Error("a field of 1 MiB was taken")
		}
		if _, err := get(s, raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"+strings.Repeat(lines, 20)+"\r\n")); !errors.Is(err, aiohttp.ErrPayload) {
			t.Errorf("trailers without end: %v", err)
		}
		if st := s.Connector().Stats(); st.InFlight != 0 || st.Open != 0 {
			t.Errorf("left %+v", st)
		}
	})
	t.Run("CVE-2023-39326, CVE-2025-69229: many tiny chunks with extensions", func(t *testing.T) {
		s := newSession(t, nil)
		body := strings.Repeat("1;"+strings.Repeat("e", 2000)+"\r\nx\r\n", 2000) + "0\r\n\r\n"
		if _, err := get(s, raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+body)); !errors.Is(err, aiohttp.ErrPayload) {
			t.Errorf("chunk extensions without end: %v", err)
		}
		start := time.Now()
		if got, err := get(s, raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1\r\nx\r\n", 200_000)+"0\r\n\r\n")); err == nil && len(got) != 200_000 {
			t.Errorf("tiny chunks: %d bytes", len(got))
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("200,000 tiny chunks took %v", d)
		}
	})
	t.Run("#12827: addresses in odd forms", func(t *testing.T) {
		srv := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was reached") })
		port := srv.URL[strings.LastIndex(srv.URL, ":"):]
		s := newSession(t, nil)
		for _, host := range []string{"2130706433", "127.1", "0177.0.0.1", "0x7f000001", "127.0.0.0x1", "017700000001", "1", "127.0.0.1."} {
			if _, err := get(s, "http://"+host+port); !errors.Is(err, aiohttp.ErrDNS) {
				t.Errorf("%s: %v", host, err)
			}
		}
	})
	t.Run("#12835: a connection serves one server name", func(t *testing.T) {
		srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.TLS.ServerName) }))
		defer srv.Close()
		s := newSession(t, nil)
		for _, name := range []string{"a.test", "b.test", "a.test"} {
			got := text(t, s, srv.URL, &aiohttp.RequestOptions{TLS: &aiohttp.TLSOptions{ServerName: name, Insecure: true}})
			if got != name {
				t.Errorf("asked as %s, answered as %s", name, got)
			}
		}
	})
	t.Run("#12824: host-only survives saving", func(t *testing.T) {
		j, k := aiohttp.NewCookieJar(nil), aiohttp.NewCookieJar(nil)
		j.SetFromHeader(mustURL(t, "http://a.org/"), []string{"a=1"})
		var b bytes.Buffer
		j.WriteJSON(&b)
		if err := k.ReadJSON(&b); err != nil {
			t.Fatal(err)
		}
		if sent(t, k, "http://a.org/") != "a=1" || sent(t, k, "http://sub.a.org/") != "" {
			t.Error("a cookie of one host is sent to another")
		}
	})
	t.Run("#13653: cookies of a public suffix", func(t *testing.T) {
		j := aiohttp.NewCookieJar(nil)
		j.SetFromHeader(mustURL(t, "http://evil.com/"), []string{"a=1; Domain=com"})
		if len(j.All()) != 0 {
			t.Error("a cookie for all of com")
		}
	})
	t.Run("CVE-2023-45289, CVE-2024-45336, CVE-2025-4673, #12550, #13180: redirects", func(t *testing.T) {
		// TestRedirectMatrix has every combination; here are two copies of a header, and a subdomain.
		var seen http.Header
		h := func(w http.ResponseWriter, r *http.Request) {
			if to := r.URL.Query().Get("to"); to != "" {
				http.Redirect(w, r, to, http.StatusFound)
				return
			}
			seen = r.Header.Clone()
		}
		srv := serve(t, h)
		port := srv.URL[strings.LastIndex(srv.URL, ":"):]
		s := newSession(t, &aiohttp.SessionOptions{Connector: newConnector(t, &aiohttp.ConnectorOptions{Resolver: loopback{}})})
		text(t, s, "http://a.test"+port, &aiohttp.RequestOptions{
			Params:  aiohttp.Params("to", "http://sub.a.test"+port+"/?to=http://a.test"+port),
			Header:  http.Header{"Authorization": {"one", "two"}, "Proxy-Authorization": {"p"}, "Cookie": {"c=1"}},
			Cookies: map[string]string{"d": "2"},
		})
		for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie"} {
			if v := seen[name]; v != nil {
				t.Errorf("%s: %q after another origin", name, v)
			}
		}
	})
	t.Run("CVE-2024-24791: no 100 Continue, and the connection is not confused", func(t *testing.T) {
		url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.Header.Get("Expect") != "" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
				io.Copy(io.Discard, req.Body) // of the announced length, before anything else
				if req, err = http.ReadRequest(r); err != nil {
					return
				}
			}
			if req.URL.Path == "/smuggled" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
				return
			}
			io.WriteString(c, okAnswer)
		})
		s := newSession(t, nil)
		resp, err := s.Post(t.Context(), url, &aiohttp.RequestOptions{Body: aiohttp.Text("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"), Expect100: true})
		if err != nil {
			t.Fatal(err)
		}
		resp.Bytes(t.Context())
		resp.Close()
		if got, err := get(s, url); err != nil || got != "ok" {
			t.Errorf("the next request got %q, %v", got, err)
		}
	})
	t.Run("CVE-2026-50269, -34514: line breaks in multipart headers", func(t *testing.T) {
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
		s := newSession(t, nil)
		got := ""
		resp, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: aiohttp.Multipart(aiohttp.FormField{
			Name: "a\r\nX-Evil: 1", FileName: "f\r\nX-Evil: 2\"; x=\"", Value: "v",
		})})
		if err == nil {
			got, _ = resp.Text(t.Context())
			resp.Close()
		}
		if err != nil || strings.Contains(got, "\nX-Evil") || strings.Contains(got, `"; x="`) {
			t.Errorf("%v, sent %q", err, got)
		}
	})
	t.Run("a file name of the server's stays a name", func(t *testing.T) {
		for _, h := range []string{`attachment; filename="../../x"`, `attachment; filename="..\\..\\x"`, `attachment; filename*=UTF-8''..%2fx`} {
			if cd := withHeader(t, "Content-Disposition", h).ContentDisposition(); cd == nil || cd.FileName != "x" {
				t.Errorf("%s: %+v", h, cd)
			}
		}
	})
	t.Run("an error page is never written to a download", func(t *testing.T) {
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "evil", http.StatusForbidden) })
		s := newSession(t, nil)
		dir := t.TempDir()
		if _, err := s.Download(t.Context(), srv.URL, dir+"/f", nil); !errors.Is(err, aiohttp.ErrStatus) {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
}

package aiohttp_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/quartet-go/quartet/aiohttp"
)

// serve starts a server on loopback that ends with the test.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// newSession makes a session that ends with the test.
func newSession(t testing.TB, opts *aiohttp.SessionOptions) *aiohttp.Session {
	t.Helper()
	s, err := aiohttp.NewSession(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// text fetches a URL and returns its body.
func text(t testing.TB, s *aiohttp.Session, url string, opts *aiohttp.RequestOptions) string {
	t.Helper()
	resp, err := s.Get(t.Context(), url, opts)
	if err != nil {
		t.Fatalf("Get(%q): %v", url, err)
	}
	defer resp.Close()
	body, err := resp.Text(t.Context())
	if err != nil {
		t.Fatalf("Text of %q: %v", url, err)
	}
	return body
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Method+" "+string(body))
		w.WriteHeader(202)
	})
	s := newSession(t, nil)
	body := &aiohttp.RequestOptions{Body: aiohttp.Text("b")}
	verbs := map[string]func() (*aiohttp.Response, error){
		"GET ":     func() (*aiohttp.Response, error) { return s.Get(t.Context(), srv.URL, nil) },
		"HEAD ":    func() (*aiohttp.Response, error) { return s.Head(t.Context(), srv.URL, nil) },
		"OPTIONS ": func() (*aiohttp.Response, error) { return s.Options(t.Context(), srv.URL, nil) },
		"DELETE ":  func() (*aiohttp.Response, error) { return s.Delete(t.Context(), srv.URL, nil) },
		"POST b":   func() (*aiohttp.Response, error) { return s.Post(t.Context(), srv.URL, body) },
		"PUT b":    func() (*aiohttp.Response, error) { return s.Put(t.Context(), srv.URL, body) },
		"PATCH b":  func() (*aiohttp.Response, error) { return s.Patch(t.Context(), srv.URL, body) },
		"QUERY b":  func() (*aiohttp.Response, error) { return s.Do(t.Context(), "query", srv.URL, body) },
	}
	for want, call := range verbs {
		resp, err := call()
		if err != nil {
			t.Fatal(want, err)
		}
		if got := resp.Header.Get("x-SEEN"); got != strings.TrimSpace(want) || resp.Status != 202 || resp.Reason != "Accepted" {
			t.Errorf("server saw %q, status %d %s; want %q, 202 Accepted", got, resp.Status, resp.Reason, want)
		}
		resp.Close()
	}
}

// A body's text is characters, whatever encoding it came in and however that was told.
func TestText(t *testing.T) {
	t.Parallel()
	const page = "<html><head><title>你好，世界</title></head>"
	gbk, _ := simplifiedchinese.GBK.NewEncoder().String(page)
	meta := strings.Replace(page, "<head>", `<head><meta charset="gbk">`, 1)
	gbkMeta, _ := simplifiedchinese.GBK.NewEncoder().String(meta)
	tests := []struct{ name, contentType, body, want, encoding string }{
		{"header", "text/html; charset=GB2312", gbk, page, "gbk"},
		{"meta", "text/html", gbkMeta, meta, "gbk"},
		{"default", "text/html", page, page, "utf-8"},
		{"late utf-8", "text/html", strings.Repeat(" ", 4096) + page, strings.Repeat(" ", 4096) + page, "utf-8"},
		{"bom", "text/plain; charset=iso-8859-1", "\xef\xbb\xbf" + page, page, "utf-8"},
		{"utf-16 bom", "", "\xff\xfe`O}Y", "你好", "utf-16"},
		{"latin1 is the web's", "text/plain; charset=latin1", "\x80\xe9", "€é", "windows-1252"},
		{"meta 1252", "text/html", `<meta charset="latin1">` + "\xe9", `<meta charset="latin1">é`, "windows-1252"},
		{"damaged", "text/plain", "a\xffb", "a\ufffdb", "utf-8"},
		{"json", "application/json", `{"a":"é"}`, `{"a":"é"}`, "utf-8"},
	}
	s := newSession(t, nil)
	for _, tt := range tests {
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", tt.contentType)
			io.WriteString(w, tt.body)
		})
		resp, err := s.Get(t.Context(), srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := resp.Text(t.Context())
		if err != nil || got != tt.want {
			t.Errorf("%s: Text = %q, %v; want %q", tt.name, got, err, tt.want)
		}
		if e, _ := resp.Encoding(t.Context()); e != tt.encoding {
			t.Errorf("%s: Encoding = %q, want %q", tt.name, e, tt.encoding)
		}
		resp.Close()
	}
}

func TestTextAs(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write([]byte{0x80, 0xe9}) })
	s := newSession(t, nil)
	for encoding, want := range map[string]string{
		"latin-1": "\u0080é", "ISO8859_1": "\u0080é", "cp1252": "€é", "cp437": "", "koi8-r": "─И", "utf_8": "\ufffd",
	} {
		resp, err := s.Get(t.Context(), srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := resp.TextAs(t.Context(), encoding)
		if encoding == "cp437" {
			if !errors.Is(err, aiohttp.ErrInvalidRequest) {
				t.Errorf("TextAs(cp437) = %v, want ErrInvalidRequest", err)
			}
		} else if got != want {
			t.Errorf("TextAs(%s) = %q, want %q (%v)", encoding, got, want, err)
		}
		resp.Close()
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		io.WriteString(w, r.URL.Query().Get("body"))
	})
	s := newSession(t, nil)
	get := func(typ, body string) *aiohttp.Response {
		resp, err := s.Get(t.Context(), srv.URL, &aiohttp.RequestOptions{Params: aiohttp.Params("type", typ, "body", body)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Close() })
		return resp
	}
	var v struct{ A int }
	if err := get("text/html", `{"a": 7}`).JSON(t.Context(), &v); err != nil || v.A != 7 {
		t.Errorf("lenient JSON: %v, %v", v, err)
	}
	if err := get("text/html", `{"a": 7}`).JSONStrict(t.Context(), &v); !errors.Is(err, aiohttp.ErrContentType) {
		t.Errorf("strict JSON of html: %v", err)
	}
	if err := get("application/problem+json", `{"a": 8}`).JSONStrict(t.Context(), &v); err != nil || v.A != 8 {
		t.Errorf("strict JSON of +json: %v, %v", v, err)
	}
	if err := get("application/json", "").JSON(t.Context(), &v); err != nil || v.A != 8 {
		t.Errorf("empty JSON: %v, %v", v, err)
	}
	if err := get("application/json", "{").JSON(t.Context(), &v); !errors.Is(err, aiohttp.ErrPayload) {
		t.Errorf("bad JSON: %v", err)
	}
}

func compress(t testing.TB, coding string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, -1)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	}
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecompression(t *testing.T) {
	t.Parallel()
	plain := bytes.Repeat([]byte("quartet "), 4000)
	half := plain[:len(plain)/2]
	rest := plain[len(plain)/2:]
	c := func(coding string, b []byte) []byte { return compress(t, coding, b) }
	tests := []struct {
		name, header string
		body         []byte
		want         []byte
	}{
		{"gzip", "gzip", c("gzip", plain), plain},
		{"x-gzip", "X-GZip", c("gzip", plain), plain},
		{"gzip members", "gzip", append(c("gzip", half), c("gzip", rest)...), plain},
		{"deflate of zlib", "deflate", c("deflate", plain), plain},
		{"deflate bare", "deflate", c("raw", plain), plain},
		{"br", "br", c("br", plain), plain},
		{"zstd", "zstd", c("zstd", plain), plain},
		{"zstd frames", "zstd", append(c("zstd", half), c("zstd", rest)...), plain},
		{"stacked", "gzip, br", c("br", c("gzip", plain)), plain},
		{"identity", "identity", plain, plain},
		{"empty", "gzip", nil, []byte{}},
	}
	s := newSession(t, nil)
	for _, tt := range tests {
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", tt.header)
			w.Write(tt.body)
		})
		for _, head := range []bool{false, true} {
			method, want := "GET", tt.want
			if head {
				method, want = "HEAD", nil
			}
			resp, err := s.Do(t.Context(), method, srv.URL, nil)
			if err != nil {
				t.Fatal(tt.name, err)
			}
			got, err := resp.Bytes(t.Context())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s %s: %d bytes, %v; want %d", method, tt.name, len(got), err, len(want))
			}
			resp.Close()
		}
		off := true
		resp, err := s.Get(t.Context(), srv.URL, &aiohttp.RequestOptions{NoDecompress: &off})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := resp.Bytes(t.Context()); !bytes.Equal(got, tt.body) {
			t.Errorf("%s undecoded: %d bytes, want %d", tt.name, len(got), len(tt.body))
		}
		resp.Close()
		if n := s.Connector().Stats().InFlight; n != 0 {
			t.Errorf("%s: %d in flight afterwards", tt.name, n)
		}
	}
}

func TestDamagedBody(t *testing.T) {
	t.Parallel()
	z := compress(t, "gzip", bytes.Repeat([]byte("0123456789abcdef"), 4096))
	s := newSession(t, nil)
	tests := []struct {
		name      string
		handler   http.HandlerFunc
		got, want int64
	}{
		{"short of its length", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write(make([]byte, 40))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 40, 100},
		{"chunk cut", func(w http.ResponseWriter, r *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nabc")
			c.Close()
		}, 3, -1},
		{"gzip cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(z[:len(z)-9])
		}, int64(len(z)) - 9, int64(len(z)) - 9},
		{"gzip damaged", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			b := bytes.Clone(z)
			b[len(b)-6] ^= 1
			w.Write(b)
		}, int64(len(z)), int64(len(z))},
	}
	for _, tt := range tests {
		srv := serve(t, tt.handler)
		resp, err := s.Get(t.Context(), srv.URL, nil)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		_, err = resp.Bytes(t.Context())
		p, ok := errors.AsType[*aiohttp.PayloadError](err)
		if !ok || p.Got != tt.got || p.Want != tt.want {
			t.Errorf("%s: %v (%+v); want a PayloadError with %d of %d", tt.name, err, p, tt.got, tt.want)
		}
		if !errors.Is(err, aiohttp.ErrPayload) || !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("%s: %v does not match its classes", tt.name, err)
		}
		resp.Close()
	}
}

// A few bytes that become very many stop at the limits.
func TestDecompressionLimits(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w, _ := zstd.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 24 {
		w.Write(zeros)
	}
	w.Close()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "zstd")
		w.Write(bomb.Bytes())
	})
	s := newSession(t, nil)
	for name, opts := range map[string]*aiohttp.RequestOptions{
		"compression ratio": nil,
		"decoded body":      {MaxDecodedBytes: 1 << 20},
		"body in memory":    {MaxBodyBytes: 1 << 16},
	} {
		resp, err := s.Get(t.Context(), srv.URL, opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = resp.Bytes(t.Context())
		if l, ok := errors.AsType[*aiohttp.LimitError](err); !ok || l.What != name || !errors.Is(err, aiohttp.ErrLimit) {
			t.Errorf("%v, want the limit of %q", err, name)
		}
		resp.Close()
	}
	many := bytes.Repeat(compress(t, "gzip", nil), 2000)
	srv2 := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(many)
	})
	resp, err := s.Get(t.Context(), srv2.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if _, err = resp.Bytes(t.Context()); !errors.Is(err, aiohttp.ErrLimit) {
		t.Errorf("2000 members: %v", err)
	}
}

// The URL of a request is sent byte for byte.
func TestURLAsWritten(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.RequestURI })
	s := newSession(t, nil)
	for _, path := range []string{
		"/", "/a%2Fb", "/a%2fb", "/%7Euser/~user", "/a|b", "/a[1]{2}^`", "/a;b=c,d", "/%41", "/a+b%20c",
		"/?q=a+b&c=%2B%2b", "/?sig=a/b?c=d:e@f", "/p?", "/a'b\"c<d>", "//double//slash", "/.%2e/x", "/a//b/../c", "/x?a=%zz",
	} {
		resp, err := s.Get(t.Context(), srv.URL+path, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		resp.Close()
		if got := <-seen; got != path {
			t.Errorf("sent %q, want %q", got, path)
		}
	}
	for path, want := range map[string]string{"/a b?c d": "/a%20b?c%20d", "/é?ü": "/%C3%A9?%C3%BC", "?x": "/?x", "": "/"} {
		text(t, s, srv.URL+path, nil)
		if got := <-seen; got != want {
			t.Errorf("%q was sent as %q, want %q", path, got, want)
		}
	}
	text(t, s, srv.URL+"/p?a=%41", &aiohttp.RequestOptions{Params: aiohttp.Params("k", "v w&", "k", "é"), RawQuery: "z=%7E"})
	if got, want := <-seen, "/p?a=%41&k=v+w%26&k=%C3%A9&z=%7E"; got != want {
		t.Errorf("params: %q, want %q", got, want)
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.RequestURI })
	tests := []struct{ ref, rfc, prefix string }{
		{"", "/api/v1/?t=1", "/api/v1/?t=1"},
		{"x", "/api/v1/x", "/api/v1/x?t=1"},
		{"/x", "/x", "/api/v1/x?t=1"},
		{"?q", "/api/v1/?q", "/api/v1/?q"},
		{"a%2Fb?c", "/api/v1/a%2Fb?c", "/api/v1/a%2Fb?c"},
		{"../y", "/api/y", "/api/v1/../y?t=1"},
		{srv.URL + "/abs", "/abs", "/abs"},
	}
	for _, prefix := range []bool{false, true} {
		s := newSession(t, &aiohttp.SessionOptions{BaseURL: srv.URL + "/api/v1/?t=1", PrefixBase: prefix})
		for _, tt := range tests {
			want := tt.rfc
			if prefix {
				want = tt.prefix
			}
			text(t, s, tt.ref, nil)
			if got := <-seen; got != want {
				t.Errorf("prefix=%v %q: sent %q, want %q", prefix, tt.ref, got, want)
			}
		}
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newSession(t, nil)
	tests := []struct {
		method, url string
		opts        *aiohttp.RequestOptions
		want        error
	}{
		{"GET", "ftp://h/", nil, aiohttp.ErrNonHTTPURL},
		{"GET", "/x", nil, aiohttp.ErrInvalidURL},
		{"GET", "http://", nil, aiohttp.ErrInvalidURL},
		{"GET", "http://u:secret", nil, aiohttp.ErrInvalidURL},
		{"GET", "http:foo", nil, aiohttp.ErrInvalidURL},
		{"GET", "mailto:secret", nil, aiohttp.ErrInvalidURL},
		{"G T", "http://h/", nil, aiohttp.ErrInvalidRequest},
		{"GET", "http://h/", &aiohttp.RequestOptions{Header: http.Header{"X": {"a\r\nSecret: b"}}}, aiohttp.ErrInvalidRequest},
		{"GET", "http://h/", &aiohttp.RequestOptions{Header: http.Header{"X\n": {"a"}}}, aiohttp.ErrInvalidRequest},
		{"POST", "http://h/", &aiohttp.RequestOptions{JSON: 1, Body: aiohttp.Text("secret")}, aiohttp.ErrInvalidRequest},
		{"POST", "http://h/", &aiohttp.RequestOptions{Compress: "lzma", Body: aiohttp.Text("secret")}, aiohttp.ErrInvalidRequest},
		{"GET", "http://2130706433/", nil, aiohttp.ErrDNS},
		{"GET", "http://127.1/", nil, aiohttp.ErrDNS},
		{"GET", "http://0x7f.1/", nil, aiohttp.ErrDNS},
		{"GET", "http://0177.0.0.1/", nil, aiohttp.ErrDNS},
		{"GET", "http://u:secret@127.0.0.1:1/?token=secret#secret", nil, aiohttp.ErrConnector},
	}
	for _, tt := range tests {
		_, err := s.Do(t.Context(), tt.method, tt.url, tt.opts)
		if !errors.Is(err, tt.want) || !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("%s %q: %v, want %v", tt.method, tt.url, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "ecret") {
			t.Errorf("the message tells a secret: %v", err)
		}
	}
	s.Close()
	if _, err := s.Get(t.Context(), "http://h/", nil); !errors.Is(err, aiohttp.ErrSessionClosed) || !s.Closed() {
		t.Errorf("after Close: %v", err)
	}
}

func TestCookiesOfASession(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/set" {
			w.Header().Add("Set-Cookie", "a=1; Path=/")
			w.Header().Add("Set-Cookie", "b=2; Path=/in")
		}
		io.WriteString(w, r.Header.Get("Cookie"))
	})
	s := newSession(t, nil)
	text(t, s, srv.URL+"/set", nil)
	if got := text(t, s, srv.URL+"/in/x", nil); got != "b=2; a=1" {
		t.Errorf("cookies sent: %q", got)
	}
	if got := text(t, s, srv.URL+"/in/x", &aiohttp.RequestOptions{Cookies: map[string]string{"b": "mine"}}); got != "b=mine; a=1" {
		t.Errorf("with a cookie of the request: %q", got)
	}
	none := newSession(t, &aiohttp.SessionOptions{Jar: aiohttp.NoCookies()})
	text(t, none, srv.URL+"/set", nil)
	if got := text(t, none, srv.URL, nil); got != "" {
		t.Errorf("without a jar: %q", got)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s|%d|%s|%s", r.Header.Get("Content-Type"), r.ContentLength, r.Header.Get("Content-Encoding"), body)
	})
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, nil)
	tests := []struct {
		name string
		opts *aiohttp.RequestOptions
		want string
	}{
		{"bytes", &aiohttp.RequestOptions{Body: aiohttp.Bytes([]byte("x"))}, "application/octet-stream|1||x"},
		{"empty", &aiohttp.RequestOptions{Body: aiohttp.Bytes(nil)}, "application/octet-stream|0||"},
		{"text", &aiohttp.RequestOptions{Body: aiohttp.Text("é")}, "text/plain; charset=utf-8|2||é"},
		{"json", &aiohttp.RequestOptions{JSON: map[string]int{"a": 1}}, `application/json|7||{"a":1}`},
		{"form", &aiohttp.RequestOptions{Body: aiohttp.Form(aiohttp.FormField{Name: "b", Value: "1 &"}, aiohttp.FormField{Name: "a", Value: "é"})}, "application/x-www-form-urlencoded|16||b=1+%26&a=%C3%A9"},
		{"file", &aiohttp.RequestOptions{Body: aiohttp.File(name)}, "application/octet-stream|4||file"},
		{"open file", &aiohttp.RequestOptions{Body: aiohttp.Reader(f)}, "application/octet-stream|4||file"},
		{"reader", &aiohttp.RequestOptions{Body: aiohttp.Reader(io.LimitReader(strings.NewReader("stream"), 99))}, "application/octet-stream|-1||stream"},
		{"typed", &aiohttp.RequestOptions{Body: aiohttp.Reader(strings.NewReader("xml")).Typed("text/xml")}, "text/xml|3||xml"},
		{"own type", &aiohttp.RequestOptions{Body: aiohttp.Text("x"), Header: http.Header{"content-type": {"a/b"}}}, "a/b|1||x"},
		{"skipped type", &aiohttp.RequestOptions{Body: aiohttp.Text("x"), SkipAutoHeaders: []string{"content-type"}}, "|1||x"},
	}
	for _, tt := range tests {
		resp, err := s.Post(t.Context(), srv.URL, tt.opts)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		if got, _ := resp.Text(t.Context()); got != tt.want {
			t.Errorf("%s: server saw %q, want %q", tt.name, got, tt.want)
		}
		resp.Close()
	}
	if _, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{JSON: func() {}}); err == nil {
		t.Error("a func was sent as JSON")
	}
	if _, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: aiohttp.Open(10, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("short")), nil
	})}); !errors.Is(err, aiohttp.ErrInvalidRequest) {
		t.Errorf("a short body: %v", err)
	}
	if _, err := s.Post(t.Context(), srv.URL, &aiohttp.RequestOptions{Body: aiohttp.Open(2, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("long")), nil
	})}); !errors.Is(err, aiohttp.ErrInvalidRequest) {
		t.Errorf("a long body: %v", err)
	}
}

// Each phase has its limit, and the error tells which it was.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "10")
			w.(http.Flusher).Flush()
		}
		<-release
	})
	t.Cleanup(func() { close(release) })
	const short = 30 * time.Millisecond
	tests := []struct {
		name  string
		path  string
		limit aiohttp.Timeouts
		phase aiohttp.Phase
		class error
	}{
		{"first byte", "/", aiohttp.Timeouts{FirstByte: short}, aiohttp.PhaseFirstByte, aiohttp.ErrSocketTimeout},
		{"read", "/body", aiohttp.Timeouts{Read: short}, aiohttp.PhaseRead, aiohttp.ErrSocketTimeout},
		{"total in the header", "/", aiohttp.Timeouts{Total: short}, aiohttp.PhaseTotal, aiohttp.ErrTimeout},
		{"total in the body", "/body", aiohttp.Timeouts{Total: short}, aiohttp.PhaseTotal, aiohttp.ErrTimeout},
	}
	s := newSession(t, nil)
	for _, tt := range tests {
		resp, err := s.Get(t.Context(), srv.URL+tt.path, &aiohttp.RequestOptions{Timeouts: tt.limit})
		if err == nil {
			_, err = resp.Bytes(t.Context())
			resp.Close()
		}
		wantTimeout(t, tt.name, err, tt.phase, tt.class)
	}
}

func wantTimeout(t *testing.T, name string, err error, phase aiohttp.Phase, class error) {
	t.Helper()
	te, ok := errors.AsType[*aiohttp.TimeoutError](err)
	if !ok || te.Phase != phase {
		t.Errorf("%s: %v; want a timeout in phase %q", name, err, phase)
		return
	}
	var timeout interface{ Timeout() bool }
	if !errors.Is(err, class) || !errors.Is(err, aiohttp.ErrTimeout) || !errors.Is(err, os.ErrDeadlineExceeded) ||
		!errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%s: %v does not match its classes", name, err)
	}
}

// The limits of phases that need a silent network, on the bubble's clock.
func TestTimeoutsOfConnecting(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	silent := func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		go io.Copy(io.Discard, there)
		return here, nil
	}
	full := func(context.Context, string, string) (net.Conn, error) {
		here, _ := net.Pipe() // nobody reads
		return here, nil
	}
	tests := []struct {
		name  string
		url   string
		dial  func(context.Context, string, string) (net.Conn, error)
		phase aiohttp.Phase
		class error
		after time.Duration
	}{
		{"dial", "http://192.0.2.1/", hang, aiohttp.PhaseDial, aiohttp.ErrConnectionTimeout, 30 * time.Second},
		{"tls", "https://192.0.2.1/", silent, aiohttp.PhaseTLS, aiohttp.ErrConnectionTimeout, 30 * time.Second},
		{"write", "http://192.0.2.1/", full, aiohttp.PhaseWrite, aiohttp.ErrSocketTimeout, 5 * time.Minute},
		{"first byte", "http://192.0.2.1/", silent, aiohttp.PhaseFirstByte, aiohttp.ErrSocketTimeout, 5 * time.Minute},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			conn := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Dial: tt.dial})
			defer conn.Close()
			s, err := aiohttp.NewSession(&aiohttp.SessionOptions{Connector: conn, Logger: nil})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err = s.Get(t.Context(), tt.url, nil)
			wantTimeout(t, tt.name, err, tt.phase, tt.class)
			if d := time.Since(start); d != tt.after {
				t.Errorf("%s: after %v, want %v", tt.name, d, tt.after)
			}
			if st := conn.Stats(); st.InFlight != 0 || st.Open != 0 {
				t.Errorf("%s: left %+v", tt.name, st)
			}
		})
	}
}

// The limits count what is in flight, and those who wait are served in their order.
func TestLimits(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		for range 100 { // so that requests meet
			runtime.Gosched()
		}
		now.Add(-1)
		io.WriteString(w, "ok")
	})
	conn := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Limit: 5, PerHost: 3})
	t.Cleanup(func() { conn.Close() })
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	errs := make(chan error, 60)
	for range cap(errs) {
		go func() {
			resp, err := s.Get(t.Context(), srv.URL, nil)
			if err == nil {
				_, err = resp.Text(t.Context())
				resp.Close()
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if m := most.Load(); m > 3 {
		t.Errorf("%d at once, want at most 3", m)
	}
	st := conn.Stats()
	if st.InFlight != 0 || st.Waiting != 0 || st.Open > 3 || st.Dials+st.Reused != 60 {
		t.Errorf("afterwards: %+v", st)
	}
}

func TestPoolTimeoutAndCancel(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	conn := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Limit: 1})
	t.Cleanup(func() { conn.Close() })
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	first := make(chan error, 1)
	go func() {
		resp, err := s.Get(t.Context(), srv.URL, nil)
		if err == nil {
			resp.Close()
		}
		first <- err
	}()
	for conn.Stats().InFlight == 0 {
		runtime.Gosched()
	}
	_, err := s.Get(t.Context(), srv.URL, &aiohttp.RequestOptions{Timeouts: aiohttp.Timeouts{Pool: 20 * time.Millisecond}})
	wantTimeout(t, "pool", err, aiohttp.PhasePool, aiohttp.ErrConnectionTimeout)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := s.Get(ctx, srv.URL, nil); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
		t.Errorf("cancelled in the queue: %v", err)
	}
	if n := conn.Stats().Waiting; n != 0 {
		t.Errorf("%d wait after all gave up", n)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// A session frees everything, also what nobody closed.
func TestSessionCloseEndsRequests(t *testing.T) {
	t.Parallel()
	in := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		in <- struct{}{}
		<-r.Context().Done()
	})
	s := newSession(t, nil)
	got := make(chan error, 1)
	go func() {
		_, err := s.Get(t.Context(), srv.URL, nil)
		got <- err
	}()
	<-in
	s.Close()
	if err := <-got; !errors.Is(err, aiohttp.ErrSessionClosed) {
		t.Errorf("request of a closed session: %v", err)
	}
	if st := s.Connector().Stats(); st.Open != 0 || st.InFlight != 0 {
		t.Errorf("left: %+v", st)
	}
}

// Whatever way the caller's function ends, a deferred Close frees the connection.
func TestDeferFrees(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	s := newSession(t, nil)
	use := func(how string) (err error) {
		defer func() {
			if how == "panic" {
				recover()
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		resp, err := s.Get(ctx, srv.URL, nil)
		if err != nil {
			return err
		}
		defer resp.Close()
		switch how {
		case "panic":
			panic("no")
		case "error":
			return errors.New("no")
		case "cancel":
			cancel()
			_, err := resp.Bytes(ctx)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled read: %v", err)
			}
		case "break":
			for _, err := range resp.Chunks(ctx, 10) {
				return err
			}
		case "other ctx":
			other, stop := context.WithCancel(t.Context())
			stop()
			if _, err := resp.Bytes(other); !errors.Is(err, context.Canceled) {
				t.Errorf("read with a ctx of its own: %v", err)
			}
		}
		return nil
	}
	for _, how := range []string{"return", "error", "panic", "cancel", "break", "other ctx"} {
		use(how)
		if st := s.Connector().Stats(); st.Open != 0 || st.InFlight != 0 {
			t.Errorf("%s: left %+v", how, st)
		}
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("0123456789", 100)) })
	s := newSession(t, nil)
	resp, err := s.Get(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	var got []byte
	for chunk, err := range resp.Chunks(t.Context(), 64) {
		if err != nil || len(chunk) == 0 || len(chunk) > 64 {
			t.Fatalf("chunk of %d, %v", len(chunk), err)
		}
		got = append(got, chunk...)
	}
	if diff := cmp.Diff(strings.Repeat("0123456789", 100), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestRaiseForStatus(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such cat", http.StatusNotFound) })
	s := newSession(t, &aiohttp.SessionOptions{RaiseForStatus: true})
	_, err := s.Get(t.Context(), srv.URL, nil)
	se, ok := errors.AsType[*aiohttp.StatusError](err)
	if !ok || se.Status != 404 || se.Reason != "Not Found" || string(se.Body) != "no such cat\n" || !errors.Is(err, aiohttp.ErrStatus) {
		t.Errorf("got %v (%+v)", err, se)
	}
	no := false
	if got := text(t, s, srv.URL, &aiohttp.RequestOptions{RaiseForStatus: &no}); got != "no such cat\n" {
		t.Errorf("request option: %q", got)
	}
	if n := s.Connector().Stats().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

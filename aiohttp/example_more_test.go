package aiohttp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
)

// server starts a server for an example.
func server(h http.HandlerFunc) *httptest.Server { return httptest.NewServer(h) }

// A form with a file, sent as multipart/form-data; the file is opened for each
// sending, so the upload can follow redirects and be retried.
func ExampleForm() {
	srv := server(func(w http.ResponseWriter, r *http.Request) {
		r.ParseMultipartForm(1 << 20)
		defer r.MultipartForm.RemoveAll()
		f := r.MultipartForm.File["photo"][0]
		fmt.Fprintf(w, "%s: %s, %d bytes", r.FormValue("title"), f.Filename, f.Size)
	})
	defer srv.Close()
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "cat.png")
	os.WriteFile(name, []byte("not really a cat"), 0o600)

	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	form := aiohttp.Form(
		aiohttp.FormField{Name: "title", Value: "a cat"},
		aiohttp.FormField{Name: "photo", FileName: name, Body: aiohttp.File(name)},
	)
	resp, err := session.Post(context.Background(), srv.URL, &aiohttp.RequestOptions{Body: form})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	text, _ := resp.Text(context.Background())
	fmt.Println(text)
	// Output: a cat: cat.png, 16 bytes
}

// A download that is interrupted goes on where it stopped.
func ExampleSession_Download() {
	content := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	cut := true
	srv := server(func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("asked for %q\n", r.Header.Get("Range"))
		w.Header().Set("Etag", `"v1"`)
		if cut {
			cut = false
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content[:400_000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	defer srv.Close()
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)

	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	result, err := session.Download(context.Background(), srv.URL, filepath.Join(dir, "file"), &aiohttp.DownloadOptions{
		Digest: fmt.Sprintf("sha256=%x", sha256.Sum256(content)),
		Retry:  &aiohttp.RetryOptions{Attempts: 3, Delay: time.Millisecond},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Bytes, "bytes in", result.Attempts, "attempts")
	// Output:
	// asked for ""
	// asked for "bytes=400000-"
	// 1048576 bytes in 2 attempts
}

// What is not what it should be is not kept.
func ExampleDigestError() {
	srv := server(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "something else") })
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	var b bytes.Buffer
	_, err := session.DownloadTo(context.Background(), srv.URL, &b, &aiohttp.DownloadOptions{Digest: "md5=0123456789abcdef0123456789abcdef"})
	if wrong, ok := errors.AsType[*aiohttp.DigestError](err); ok {
		fmt.Println(wrong.Algorithm, wrong.Got)
	}
	// Output: md5 6c7ba9c5a141421e1c03cb9807c97c74
}

// Cookies survive the program in a file.
func ExampleCookieJar_Save() {
	srv := hello()
	defer srv.Close()
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "cookies.json")

	first, _ := aiohttp.NewSession(nil)
	if resp, err := first.Get(context.Background(), srv.URL+"/login", nil); err == nil {
		resp.Close()
	}
	fmt.Println("saved:", first.Jar().Save(file))
	first.Close()

	jar := aiohttp.NewCookieJar(nil)
	fmt.Println("loaded:", jar.Load(file)) // a Netscape file would do too
	second, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Jar: jar})
	defer second.Close()
	resp, err := second.Get(context.Background(), srv.URL+"/whoami", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	text, _ := resp.Text(context.Background())
	fmt.Println(text)
	// Output:
	// saved: <nil>
	// loaded: <nil>
	// user=ana
}

func ExampleCookie() {
	jar := aiohttp.NewCookieJar(&aiohttp.CookieJarOptions{MaxPerHost: 20})
	u, _ := url.Parse("https://shop.example/cart")
	jar.Set(u, &aiohttp.Cookie{Name: "id", Value: "7", Secure: true})
	jar.SetFromHeader(u, []string{"all=shops; Domain=example; Path=/"}) // refused: a public suffix
	for _, c := range jar.All() {
		fmt.Println(c, c.HostOnly)
	}
	// Output: id=7; Path=/; Secure true
}

// Requests that fail for a passing reason are tried again, and no host gets more
// than ten a second.
func ExampleRetry() {
	calls := 0
	srv := server(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls < 3 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "welcome")
	})
	defer srv.Close()
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{
		aiohttp.Retry(&aiohttp.RetryOptions{Delay: time.Millisecond}),
		aiohttp.RateLimit(&aiohttp.RateOptions{PerSecond: 10, Burst: 5}), // inside Retry: each try counts
	}})
	defer session.Close()
	resp, err := session.Get(context.Background(), srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	text, _ := resp.Text(context.Background())
	fmt.Println(text, "at call", calls)
	// Output: welcome at call 3
}

// A middleware of one's own: a header for each request.
func ExampleMiddleware() {
	srv := server(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Request-Id")) })
	defer srv.Close()
	n := 0
	number := func(ctx context.Context, req *aiohttp.Request, next aiohttp.Handler) (*aiohttp.Response, error) {
		n++
		req.SetHeader("X-Request-Id", fmt.Sprint(n))
		return next(ctx, req)
	}
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{number}})
	defer session.Close()
	for range 2 {
		if resp, err := session.Get(context.Background(), srv.URL, nil); err == nil {
			text, _ := resp.Text(context.Background())
			fmt.Println(text)
			resp.Close()
		}
	}
	// Output:
	// 1
	// 2
}

// Traces see each moment of a request.
func ExampleTrace() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Traces: []aiohttp.Trace{
		func(_ context.Context, e aiohttp.TraceEvent) { fmt.Println(e.Kind) },
	}})
	defer session.Close()
	resp, err := session.Get(context.Background(), srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Bytes(context.Background())
	resp.Close()
	// Output:
	// request start
	// connection create start
	// connection create end
	// request headers sent
	// request end
	// response chunk received
}

func ExampleLogRequests() {
	srv := hello()
	defer srv.Close()
	plain := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "took", "url":
			return slog.Attr{}
		}
		return a
	}}))
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Middleware: []aiohttp.Middleware{aiohttp.LogRequests(plain, slog.LevelInfo)}})
	defer session.Close()
	if resp, err := session.Get(context.Background(), srv.URL+"/json?token=secret", nil); err == nil {
		resp.Close()
	}
	// Output: level=INFO msg=request method=GET status=200 length=33
}

func ExampleDigest() {
	digest, err := aiohttp.Digest("https://example.org/", "ana", "secret")
	fmt.Println(digest != nil, err)
	// Output: true <nil>
}

func ExampleBasicCredentials() {
	fmt.Println((&aiohttp.BasicCredentials{User: "Aladdin", Password: "open sesame"}).Header())
	// Output: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==
}

// A server is known by its certificate alone.
func ExampleFingerprint() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "it is me") }))
	defer srv.Close()
	pin := aiohttp.Fingerprint(sha256.Sum256(srv.Certificate().Raw))
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{TLS: &aiohttp.TLSOptions{Fingerprints: []aiohttp.Fingerprint{pin}}})
	defer session.Close()
	resp, err := session.Get(context.Background(), srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	text, _ := resp.Text(context.Background())
	fmt.Println(text)
	// Output: it is me
}

func ExampleFingerprintError() {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	_, err := session.Get(context.Background(), srv.URL, &aiohttp.RequestOptions{TLS: &aiohttp.TLSOptions{Fingerprints: []aiohttp.Fingerprint{{}}}})
	wrong, ok := errors.AsType[*aiohttp.FingerprintError](err)
	fmt.Println(ok, wrong.Host)
	// Output: true 127.0.0.1
}

// Any error tells what was asked, its class and its cause.
func ExampleError() {
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	_, err := session.Get(context.Background(), "http://user:secret@127.0.0.1:1/?token=secret", nil)
	e, _ := errors.AsType[*aiohttp.Error](err)
	fmt.Println(e.Method, e.URL, errors.Is(err, aiohttp.ErrConnector), errors.Is(err, aiohttp.ErrTimeout))
	// Output: GET http://127.0.0.1:1/?... true false
}

func ExamplePayloadError() {
	srv := server(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "only this")
	})
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	resp, err := session.Get(context.Background(), srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	_, err = resp.Bytes(context.Background())
	if short, ok := errors.AsType[*aiohttp.PayloadError](err); ok {
		fmt.Println(short.Got, "of", short.Want)
	}
	// Output: 9 of 100
}

func ExampleLimitError() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{MaxBodyBytes: 10})
	defer session.Close()
	resp, err := session.Get(context.Background(), srv.URL+"/json", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	_, err = resp.Text(context.Background())
	if limit, ok := errors.AsType[*aiohttp.LimitError](err); ok {
		fmt.Println(limit)
	}
	// Output: aiohttp: body in memory exceeds 10
}

func ExampleProxyStatusError() {
	proxy := server(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
	})
	defer proxy.Close()
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Proxy: proxy.URL})
	defer session.Close()
	_, err := session.Get(context.Background(), "https://example.org/", nil)
	if refused, ok := errors.AsType[*aiohttp.ProxyStatusError](err); ok {
		fmt.Println(refused)
	}
	// Output: aiohttp: proxy answered 407 Proxy Authentication Required
}

// hosts is a resolver with a table of its own.
type hosts map[string]string

func (h hosts) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	ip, err := netip.ParseAddr(h[host])
	return []netip.Addr{ip}, err
}

func ExampleResolver() {
	srv := hello()
	defer srv.Close()
	pool := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Resolver: hosts{"my.test": "127.0.0.1"}})
	defer pool.Close()
	session, _ := aiohttp.NewSession(&aiohttp.SessionOptions{Connector: pool})
	defer session.Close()
	resp, err := session.Get(context.Background(), strings.Replace(srv.URL, "127.0.0.1", "my.test", 1)+"/?you", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	text, _ := resp.Text(context.Background())
	fmt.Println(text)
	// Output: hello, you
}

func ExampleResponse_Lines() {
	srv := server(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "one\ntwo\nthree") })
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	resp, err := session.Get(context.Background(), srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	for line, err := range resp.Lines(context.Background()) {
		fmt.Printf("%q %v\n", line, err)
	}
	// Output:
	// "one\n" <nil>
	// "two\n" <nil>
	// "three" <nil>
}

func ExampleLink() {
	srv := server(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", `</items?page=2>; rel="next", </items?page=9>; rel="last"`)
		w.Header().Set("Content-Disposition", `attachment; filename="../list.csv"`)
	})
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	resp, err := session.Get(context.Background(), srv.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Close()
	fmt.Println(resp.Link("next").RequestURI(), len(resp.Links()), resp.ContentDisposition().FileName)
	// Output: /items?page=2 2 list.csv
}

// Code that takes a net/http client uses the session's connections.
func ExampleSession_Client() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	resp, err := session.Client().Get(srv.URL + "/?client")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	fmt.Println(string(text), session.Connector().Stats().Dials)
	// Output: hello, client 1
}

func ExampleTimings() {
	srv := hello()
	defer srv.Close()
	session, _ := aiohttp.NewSession(nil)
	defer session.Close()
	for range 2 {
		resp, err := session.Get(context.Background(), srv.URL, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Bytes(context.Background())
		resp.Close()
		t := resp.Timings()
		fmt.Println(t.Reused, t.FirstByte > 0)
	}
	// Output:
	// false true
	// true true
}

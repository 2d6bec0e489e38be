package aiohttp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"

	"github.com/quartet-go/quartet/aiohttp"
)

// TestInterop speaks with servers and proxies that others wrote. It runs where
// QUARTET_INTEROP is set: ci/interop.sh installs them and sets it.
func TestInterop(t *testing.T) {
	if os.Getenv("QUARTET_INTEROP") == "" {
		t.Skip("QUARTET_INTEROP is not set")
	}
	site := newSite(t)
	t.Run("nginx", func(t *testing.T) {
		port, tlsPort := freePort(t), freePort(t)
		conf := site.conf(t, "nginx.conf", fmt.Sprintf(`
			daemon off; master_process off; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
			events {}
			http {
				access_log off; root %[1]s/www; gzip on; gzip_min_length 1; gzip_types text/plain; etag on;
				client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
				server { listen 127.0.0.1:%[2]d; listen 127.0.0.1:%[3]d ssl http2; ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem; }
			}`, site.dir, port, tlsPort))
		start(t, port, "nginx", "-c", conf)
		site.check(t, fmt.Sprintf("http://127.0.0.1:%d", port), "HTTP/1.1")
		site.check(t, fmt.Sprintf("https://127.0.0.1:%d", tlsPort), "HTTP/2.0")
		s := newSession(t, nil)
		resp, err := s.Get(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/page.txt", port), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Close()
		if got, err := resp.Text(t.Context()); resp.Header.Get("Content-Encoding") != "gzip" || got != site.page || err != nil {
			t.Errorf("gzip: %v, %d characters, %v", resp.Header, len(got), err)
		}
	})
	t.Run("lighttpd", func(t *testing.T) {
		port := freePort(t)
		conf := site.conf(t, "lighttpd.conf", fmt.Sprintf("server.document-root = \"%s/www\"\nserver.port = %d\nserver.bind = \"127.0.0.1\"\nmimetype.assign = (\".txt\" => \"text/plain\", \".bin\" => \"application/octet-stream\")\n", site.dir, port))
		start(t, port, "lighttpd", "-D", "-f", conf)
		site.check(t, fmt.Sprintf("http://127.0.0.1:%d", port), "HTTP/1.1")
	})
	t.Run("nghttpd", func(t *testing.T) {
		port := freePort(t)
		start(t, port, "nghttpd", "--address=127.0.0.1", "-d", site.dir+"/www", fmt.Sprint(port), site.dir+"/key.pem", site.dir+"/cert.pem")
		s := newSession(t, &aiohttp.SessionOptions{TLS: insecure})
		site.fetch(t, s, fmt.Sprintf("https://127.0.0.1:%d", port), "HTTP/2.0")
	})
	t.Run("python3-aiohttp", func(t *testing.T) {
		if err := exec.Command("/usr/bin/python3", "-c", "import aiohttp").Run(); err != nil {
			t.Skip("python3-aiohttp is not installed: ci/interop.sh does it, where it may")
		}
		port := freePort(t)
		start(t, port, "/usr/bin/python3", "-c", pythonServer, fmt.Sprint(port), site.dir+"/www")
		site.check(t, fmt.Sprintf("http://127.0.0.1:%d", port), "HTTP/1.1")
		site.echo(t, fmt.Sprintf("http://127.0.0.1:%d", port))
	})
	t.Run("node", func(t *testing.T) {
		port := freePort(t)
		start(t, port, "node", "-e", nodeServer, fmt.Sprint(port), site.dir+"/www")
		s := newSession(t, nil)
		site.fetch(t, s, fmt.Sprintf("http://127.0.0.1:%d", port), "HTTP/1.1")
		site.echo(t, fmt.Sprintf("http://127.0.0.1:%d", port))
	})
	// The proxies stand before a server of our own.
	local := serve(t, httpbin.New().ServeHTTP)
	secure := httptest.NewTLSServer(httpbin.New())
	t.Cleanup(secure.Close)
	t.Run("squid", func(t *testing.T) {
		port := freePort(t)
		conf := site.conf(t, "squid.conf", fmt.Sprintf("http_port 127.0.0.1:%[2]d\nhttp_access allow all\ncache deny all\npid_filename none\naccess_log none\ncache_log %[1]s/squid.log\ncoredump_dir %[1]s\nshutdown_lifetime 0 seconds\nmax_filedescriptors 1024\nlogfile_rotate 0\npinger_enable off\n", site.dir, port))
		start(t, port, "squid", "-N", "-f", conf)
		proxied(t, fmt.Sprintf("http://127.0.0.1:%d", port), local.URL, secure.URL)
	})
	t.Run("microsocks", func(t *testing.T) {
		port := freePort(t)
		start(t, port, "microsocks", "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-u", "ana", "-P", "pw")
		proxied(t, fmt.Sprintf("socks5://ana:pw@127.0.0.1:%d", port), local.URL, secure.URL)
		proxied(t, fmt.Sprintf("socks5h://ana:pw@127.0.0.1:%d", port), local.URL, secure.URL)
	})
}

func proxied(t *testing.T, proxy string, urls ...string) {
	t.Helper()
	s := newSession(t, &aiohttp.SessionOptions{Proxy: proxy, TLS: insecure})
	for _, url := range urls {
		for range 3 {
			if got := text(t, s, url+"/base64/cXVhcnRldA==", nil); got != "quartet" {
				t.Errorf("%s through %s: %q", url, proxy, got)
			}
		}
	}
	if st := s.Connector().Stats(); st.Dials != uint64(len(urls)) {
		t.Errorf("connections were not kept: %+v", st)
	}
}

const pythonServer = `
import sys
from aiohttp import web
async def echo(request):
    return web.Response(body=await request.read(), headers={"X-Length": str(request.content_length)})
app = web.Application(client_max_size=1 << 26)
app.router.add_post("/echo", echo)
app.router.add_static("/", sys.argv[2])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
`

const nodeServer = `
const http = require("http"), fs = require("fs"), path = require("path");
http.createServer((req, res) => {
  if (req.url === "/echo") { res.setHeader("X-Length", String(req.headers["content-length"])); req.pipe(res); return; }
  const file = path.join(process.argv[2], path.basename(req.url));
  if (!fs.existsSync(file)) { res.statusCode = 404; res.end("none"); return; }
  fs.createReadStream(file).pipe(res);
}).listen(Number(process.argv[1]), "127.0.0.1");
`

// A site is a directory with files to serve.
type site struct {
	dir, page string
	big       []byte
}

func newSite(t *testing.T) *site {
	s := &site{dir: t.TempDir(), page: strings.Repeat("quartet 四重奏\n", 500), big: make([]byte, 5<<20)}
	rand.Read(s.big)
	if err := os.MkdirAll(s.dir+"/www", 0o755); err != nil {
		t.Fatal(err)
	}
	// Servers that leave root's rights read them too.
	for d := s.dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	for name, data := range map[string][]byte{"page.txt": []byte(s.page), "big.bin": s.big, "a b.txt": []byte("space")} {
		if err := os.WriteFile(s.dir+"/www/"+name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.dir+"/cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	writeFile(t, s.dir+"/key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return s
}

func (s *site) conf(t *testing.T, name, text string) string {
	writeFile(t, s.dir+"/"+name, text)
	return s.dir + "/" + name
}

// fetch gets the files of the site, on kept connections.
func (s *site) fetch(t *testing.T, session *aiohttp.Session, url, proto string) {
	t.Helper()
	for range 3 {
		resp, err := session.Get(t.Context(), url+"/page.txt", nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := resp.TextAs(t.Context(), "utf-8")
		resp.Close()
		if err != nil || got != s.page || resp.Proto != proto {
			t.Errorf("%s: %d characters by %s, %v", url, len(got), resp.Proto, err)
		}
		resp, err = session.Get(t.Context(), url+"/missing", nil)
		if err != nil || resp.Status != 404 {
			t.Fatalf("missing: %v, %v", resp, err)
		}
		resp.Close()
		resp, err = session.Head(t.Context(), url+"/big.bin", nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := resp.Bytes(t.Context()); len(b) != 0 || err != nil {
			t.Errorf("HEAD: %d bytes, %v", len(b), err)
		}
		resp.Close()
		resp, err = session.Get(t.Context(), url+"/big.bin", nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := resp.Bytes(t.Context())
		resp.Close()
		if err != nil || !bytes.Equal(b, s.big) {
			t.Errorf("big: %d bytes, %v", len(b), err)
		}
	}
	if st := session.Connector().Stats(); st.InFlight != 0 || st.Reused < 8 {
		t.Errorf("%s: %+v", url, st)
	}
}

// check does what fetch does, then interrupts a download and resumes it.
func (s *site) check(t *testing.T, url, proto string) {
	t.Helper()
	session := newSession(t, &aiohttp.SessionOptions{TLS: insecure})
	s.fetch(t, session, url, proto)
	name := filepath.Join(t.TempDir(), "big")
	ctx, cancel := context.WithCancel(t.Context())
	opts := &aiohttp.DownloadOptions{Progress: func(p aiohttp.DownloadProgress) {
		if p.Done > 1<<20 && p.Done < p.Total {
			cancel()
		}
	}}
	_, err := session.Download(ctx, url+"/big.bin", name, opts)
	opts.Progress = nil
	sum := sha256.Sum256(s.big)
	opts.Digest = "sha256=" + hex.EncodeToString(sum[:])
	res, err2 := session.Download(t.Context(), url+"/big.bin", name, opts)
	if err2 != nil || err != nil && res.Resumed == 0 {
		t.Errorf("%s: interrupted: %v; resumed: %+v, %v", url, err, res, err2)
	}
}

func (s *site) echo(t *testing.T, url string) {
	t.Helper()
	session := newSession(t, nil)
	for _, body := range []*aiohttp.Body{aiohttp.Bytes(s.big), aiohttp.Reader(io.LimitReader(bytes.NewReader(s.big), 1<<30))} {
		resp, err := session.Post(t.Context(), url+"/echo", &aiohttp.RequestOptions{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		b, err := resp.Bytes(t.Context())
		if err != nil || !bytes.Equal(b, s.big) || (resp.Header.Get("X-Length") == fmt.Sprint(len(s.big))) != body.Replayable() {
			t.Errorf("echo: %d bytes, %v, length %s", len(b), err, resp.Header.Get("X-Length"))
		}
		resp.Close()
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start runs a server until the test ends, and waits until it listens.
func start(t *testing.T, port int, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		t.Skipf("%s is not installed: ci/interop.sh does it, where it may", name)
	}
	var out lockedBuffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); wait(t, 20*time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not listen: %s", name, out.String())
}

// TestHTTPBin goes through what go-httpbin offers, in process.
func TestHTTPBin(t *testing.T) {
	t.Parallel()
	srv := serve(t, httpbin.New().ServeHTTP)
	digest, err := aiohttp.Digest(srv.URL, "ana", "pw")
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, &aiohttp.SessionOptions{BaseURL: srv.URL, RaiseForStatus: true, Middleware: []aiohttp.Middleware{digest}})
	for _, path := range []string{
		"/get", "/gzip", "/deflate", "/redirect/5", "/absolute-redirect/3", "/relative-redirect/2", "/stream/20", "/bytes/4096", "/stream-bytes/100000",
		"/drip?duration=0.05&numbytes=20&delay=0", "/encoding/utf8", "/trailers?a=b", "/cookies/set?k=v", "/digest-auth/auth/ana/pw/MD5", "/digest-auth/auth/ana/pw/SHA-256",
		"/links/3/1", "/range/2000", "/status/204", "/xml", "/json", "/html", "/image/png", "/etag/x", "/cache", "/unstable?failure_rate=0",
	} {
		resp, err := s.Get(t.Context(), path, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if _, err := resp.Bytes(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		resp.Close()
	}
	var cookies map[string]any
	resp, err := s.Get(t.Context(), "/cookies", nil)
	if err == nil {
		err = resp.JSON(t.Context(), &cookies)
		resp.Close()
	}
	if err != nil || !strings.Contains(fmt.Sprint(cookies), "k:v") {
		t.Errorf("cookies: %v, %v", cookies, err)
	}
	if st := s.Connector().Stats(); st.InFlight != 0 || st.Dials > 3 {
		t.Errorf("%+v", st)
	}
}

package aiohttp_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/quartet-go/quartet/aiohttp"
)

// A tuned net/http client beside a session, on the same work: 64 in flight.
// The server runs in the same process; the module in bench has one beside it.
func BenchmarkGet(b *testing.B) {
	body := make([]byte, 1024)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
	for _, proto := range []string{"h1", "h2"} {
		var srv *httptest.Server
		if proto == "h1" {
			srv = httptest.NewServer(handler)
		} else {
			srv = httptest.NewUnstartedServer(handler)
			srv.EnableHTTP2 = true
			srv.StartTLS()
		}
		url := srv.URL
		if u := os.Getenv("QUARTET_BENCH_URL"); u != "" && proto == "h1" {
			url = u
		}
		b.Run("impl=nethttp/proto="+proto, func(b *testing.B) {
			tr := &http.Transport{MaxIdleConnsPerHost: 64, MaxIdleConns: 64, DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			client := &http.Client{Transport: tr}
			defer tr.CloseIdleConnections()
			inFlight(b, 64, func() error {
				resp, err := client.Get(url)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				_, err = io.ReadAll(resp.Body)
				return err
			})
		})
		b.Run("impl=quartet/proto="+proto, func(b *testing.B) {
			s, err := aiohttp.NewSession(&aiohttp.SessionOptions{TLS: &aiohttp.TLSOptions{Insecure: true}})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			ctx := b.Context()
			inFlight(b, 64, func() error {
				resp, err := s.Get(ctx, url, nil)
				if err != nil {
					return err
				}
				defer resp.Close()
				_, err = resp.Bytes(ctx)
				return err
			})
		})
		srv.Close()
	}
}

func inFlight(b *testing.B, n int, f func() error) {
	b.ReportAllocs()
	var wg sync.WaitGroup
	work := make(chan struct{}, n)
	for range n {
		wg.Go(func() {
			for range work {
				if err := f(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for b.Loop() {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
}

// BenchmarkToFile is 64 MiB to a file.
func BenchmarkToFile(b *testing.B) {
	data := make([]byte, 64<<20)
	srv := serve(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "67108864")
		w.Write(data)
	})
	name := filepath.Join(b.TempDir(), "f")
	b.Run("impl=nethttp", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			resp, err := http.Get(srv.URL)
			if err != nil {
				b.Fatal(err)
			}
			f, err := os.Create(name)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(f, resp.Body)
			resp.Body.Close()
			f.Close()
		}
		http.DefaultClient.CloseIdleConnections()
	})
	b.Run("impl=quartet", func(b *testing.B) {
		s := newSession(b, nil)
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := s.Download(b.Context(), srv.URL, name, &aiohttp.DownloadOptions{NoSync: true, Fresh: true}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

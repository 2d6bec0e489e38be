package aiohttp_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

// TestCancelStorm gives requests up at random moments of every phase, over
// HTTP/1 and HTTP/2, and wants nothing left and every later request served.
// QUARTET_SOAK stretches it to 100,000.
func TestCancelStorm(t *testing.T) {
	n := 3000
	if os.Getenv("QUARTET_SOAK") != "" {
		n = 100_000
	}
	before := leakcheck.Take(nil)
	h := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
			return
		}
		for range 4 {
			w.Write(make([]byte, 4096))
			w.(http.Flusher).Flush()
		}
	}
	plain := serve(t, h)
	tls := serveH2(t, h, 50)
	conn := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Limit: 20})
	s, err := aiohttp.NewSession(&aiohttp.SessionOptions{Connector: conn, TLS: insecure})
	if err != nil {
		t.Fatal(err)
	}
	work := make(chan uint64)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			for seed := range work {
				giveUp(t, s, []string{plain.URL, tls.URL}[seed%2], rand.New(rand.NewPCG(seed, 1)))
			}
		})
	}
	for i := range n {
		work <- uint64(i)
	}
	close(work)
	wg.Wait()
	if st := conn.Stats(); st.InFlight != 0 || st.Waiting != 0 {
		t.Errorf("afterwards: %+v", st)
	}
	for _, url := range []string{plain.URL, tls.URL} {
		if got := text(t, s, url, nil); len(got) != 4*4096 {
			t.Errorf("a request afterwards: %d bytes", len(got))
		}
	}
	conn.Close()
	plain.Close()
	tls.Close()
	if left := before.Since(); len(left) != 0 && !t.Failed() {
		t.Errorf("left: %s", strings.Join(left, "\n"))
	}
}

func giveUp(t *testing.T, s *aiohttp.Session, url string, rnd *rand.Rand) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	timer := time.AfterFunc(time.Duration(rnd.IntN(3000))*time.Microsecond, cancel)
	defer timer.Stop()
	opts := &aiohttp.RequestOptions{}
	if rnd.IntN(3) == 0 {
		opts.Body = aiohttp.Bytes(make([]byte, rnd.IntN(50_000)))
	}
	if rnd.IntN(5) == 0 {
		opts.Timeouts.Total = time.Duration(1+rnd.IntN(2000)) * time.Microsecond
	}
	if rnd.IntN(4) == 0 {
		url += "/redirect"
	}
	resp, err := s.Post(ctx, url, opts)
	if err == nil {
		_, err = io.CopyN(io.Discard, resp, int64(rnd.IntN(20_000)))
		if rnd.IntN(4) > 0 {
			resp.Close()
		} else {
			go resp.Close() // from elsewhere
			_, err = resp.Bytes(ctx)
			resp.Close()
		}
	}
	switch {
	case err == nil, err == io.EOF, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, aiohttp.ErrResponseClosed):
	default:
		t.Errorf("got %v", err)
	}
}

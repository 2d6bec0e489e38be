package origin_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/quartet-go/quartet/cmd/quartet/internal/origin"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

func start(t *testing.T, opts *origin.Options) *origin.Server {
	t.Helper()
	s, err := origin.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// client asks for identity, so that only a server that misbehaves compresses.
func client(t *testing.T) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func TestEachFault(t *testing.T) {
	const pause = 50 * time.Millisecond
	s := start(t, &origin.Options{Seed: 7, Pause: pause})
	c := client(t)
	want := map[origin.Fault]int{}
	for _, f := range s.Files() {
		began := time.Now()
		resp, body, err := get(t, c, s.URL(f))
		took := time.Since(began)
		right := err == nil && resp.StatusCode == http.StatusOK && sum(body) == f.Digest()
		if f.Fault != origin.None {
			want[f.Fault]++
		}
		switch f.Fault {
		case origin.None:
			if !right || int64(len(body)) != f.Size {
				t.Errorf("%s: %d bytes, %v", f.Path, len(body), err)
			}
			continue
		case origin.Slow:
			if !right || took < pause {
				t.Errorf("%s: in %v, %v", f.Path, took, err)
			}
		case origin.Redirect:
			if !right || resp.Request.URL.Path != f.Path {
				t.Errorf("%s: redirected to %v, %v", f.Path, resp.Request.URL, err)
			}
		case origin.Gzip:
			if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
				t.Errorf("%s: not compressed, %v", f.Path, err)
			}
			continue
		case origin.ServerError:
			if err != nil || resp.StatusCode != 500 {
				t.Errorf("%s: %v, %v", f.Path, resp, err)
			}
		case origin.TooMany:
			if err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
				t.Errorf("%s: %v, %v", f.Path, resp, err)
			}
		case origin.Reset:
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: %v, want a reset", f.Path, err)
			}
		case origin.WrongLength:
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v, want an unexpected end", f.Path, err)
			}
		}
	}
	if got := s.Dealt(); !maps.Equal(got, want) || len(got) != len(origin.Faults) {
		t.Errorf("Dealt() = %v, want %v", got, want)
	}
	for fault, n := range want {
		if n < 5 {
			t.Errorf("%d files with fault %q, want at least 5", n, fault)
		}
	}
	for _, f := range s.Files() { // the second time all is well
		if f.Fault == origin.Gzip {
			continue
		}
		if resp, body, err := get(t, c, s.URL(f)); err != nil || resp.StatusCode != 200 || sum(body) != f.Digest() {
			t.Errorf("%s again: %v", f.Path, err)
		}
	}
}

func TestSeedDecides(t *testing.T) {
	a := start(t, &origin.Options{Seed: 1, Files: 300}).Files()
	b := start(t, &origin.Options{Seed: 1, Files: 300}).Files()
	c := start(t, &origin.Options{Seed: 2, Files: 300}).Files()
	if len(a) != 300 {
		t.Errorf("%d files, want 300", len(a))
	}
	digests := map[string]bool{}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("one seed, two catalogues: %v and %v", a[i], b[i])
		}
		if a[i] == c[i] {
			t.Errorf("two seeds, the same file: %v", a[i])
		}
		if a[i].Size > 8 && digests[a[i].Digest()] {
			t.Errorf("%s: the content of another file", a[i].Path)
		}
		digests[a[i].Digest()] = true
	}
}

func TestFlip(t *testing.T) {
	s := start(t, &origin.Options{Flip: true})
	c := client(t)
	differ := 0
	for _, f := range s.Files() {
		if f.Fault != origin.None {
			continue
		}
		_, body, err := get(t, c, s.URL(f))
		if err != nil || int64(len(body)) != f.Size {
			t.Fatalf("%s: %d bytes, %v", f.Path, len(body), err)
		}
		if sum(body) != f.Digest() {
			differ++
		}
	}
	if differ != 1 {
		t.Errorf("%d files differ, want 1", differ)
	}
}

func TestUnknownPath(t *testing.T) {
	s := start(t, nil)
	url := s.URL(origin.File{Path: "/files/none"})
	if resp, _, err := get(t, client(t), url); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET %s: %v, %v", url, resp, err)
	}
}

package nginx_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/quartet-go/quartet/bench/internal/measure"
	"github.com/quartet-go/quartet/bench/internal/nginx"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

func TestServer(t *testing.T) {
	if _, err := nginx.Binary(); errors.Is(err, measure.ErrSkip) {
		t.Skip(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "page"), []byte("hello"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := nginx.Start(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: s.CA, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	for url, proto := range map[string]string{s.URL: "HTTP/1.1", s.TLS: "HTTP/2.0"} {
		resp, err := (&http.Client{Transport: transport}).Get(url + "/page")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "hello" || err != nil || resp.Proto != proto {
			t.Errorf("%s: %q by %s, %v; want hello by %s", url, body, resp.Proto, err, proto)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(s.URL); err == nil {
		t.Error("it still serves")
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

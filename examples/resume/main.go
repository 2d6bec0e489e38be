// Resume downloads a file from a server that hangs up in the middle, and then
// has no time at all: what has come is kept, also for another run of the program.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/quartet-go/quartet/aiohttp"
)

var file = bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 1 MiB

func run(ctx context.Context, url, dir string) error {
	session, err := aiohttp.NewSession(nil)
	if err != nil {
		return err
	}
	defer session.Close()
	name := filepath.Join(dir, "file")

	// What breaks off is resumed. Attempts counts those that bring nothing new.
	_, err = session.Download(ctx, url, name, &aiohttp.DownloadOptions{Retry: &aiohttp.RetryOptions{Attempts: 1, Delay: time.Millisecond}})
	if refused, ok := errors.AsType[*aiohttp.StatusError](err); ok {
		fmt.Println("given up: status", refused.Status)
	}
	_, err = os.Stat(name)
	fmt.Println("no half of a file:", errors.Is(err, os.ErrNotExist))

	// As a later run would. The digest is that of the whole, what was there before included.
	got, err := session.Download(ctx, url, name, &aiohttp.DownloadOptions{
		Digest: fmt.Sprintf("sha256=%x", sha256.Sum256(file)),
		Retry:  &aiohttp.RetryOptions{Delay: time.Millisecond},
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d bytes, %d of them from before, %d requests now\n", got.Bytes, got.Resumed, got.Attempts)
	data, err := os.ReadFile(name)
	fmt.Println("equal:", bytes.Equal(data, file))
	return err
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	dir, err := os.MkdirTemp("", "resume-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), server.URL, dir); err != nil {
		log.Print(err)
	}
}

var asked atomic.Int64

// serve tells what it is asked for, hangs up after 400,000 bytes, and has no time
// the second time.
func serve(w http.ResponseWriter, r *http.Request) {
	fmt.Printf("  the server is asked for %q\n", r.Header.Get("Range"))
	if asked.Add(1) == 2 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Etag", `"v1"`) // proves that it is the same file the next time
	http.ServeContent(&hangUp{w, 400_000}, r, "", time.Time{}, bytes.NewReader(file))
}

type hangUp struct {
	http.ResponseWriter
	left int
}

func (h *hangUp) Write(p []byte) (int, error) {
	n, err := h.ResponseWriter.Write(p[:min(len(p), h.left)])
	if h.left -= n; h.left == 0 {
		http.NewResponseController(h.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

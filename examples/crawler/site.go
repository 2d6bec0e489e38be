package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
)

// serveSite starts the server that is crawled.
func serveSite() *httptest.Server { return httptest.NewServer(http.HandlerFunc(site)) }

// site has pages that link to one another and to a film.
func site(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/film.mp4" {
		w.Header().Set("Content-Type", "video/mp4")
		_, _ = io.CopyN(w, rand.NewChaCha8([32]byte{}), 20_000_000)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<title>%s</title><a href="/">home</a><a href="/a.html">a</a><a href="/b.html">b</a><a href="/film.mp4">film</a>`, r.URL.Path)
}

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// newServer returns a server for one script:
//
//	/text/...           the line "text of ..." and the path's last element
//	/status/CODE        that status
//	/flaky/N/STATUS/... STATUS for the first N requests, with "Retry-After: 0", then as /text
//	/named?NAME         a file with this name in its Content-Disposition
//	/request            the request's own header
//	/short/N/...        for the first N requests less than was announced, then as /text
//	/bytes/N/...        N bytes
//	/hang               nothing, until the client is gone
//	/moved/...          a redirect to /text/...
func newServer() *httptest.Server {
	var mu sync.Mutex
	asked := map[string]int{}
	// first reports whether this is among the first n requests for a path.
	first := func(r *http.Request, n string) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path]++
		limit, _ := strconv.Atoi(n)
		return asked[r.URL.Path] <= limit
	}
	text := func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		fmt.Fprintf(w, "text of %s\n", name)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/text/", text)
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/flaky/{n}/{status}/", func(w http.ResponseWriter, r *http.Request) {
		if first(r, r.PathValue("n")) {
			code, _ := strconv.Atoi(r.PathValue("status"))
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(code)
			return
		}
		text(w, r)
	})
	mux.HandleFunc("/named", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(r.URL.Query().Get("name"), `\`, `\\`)+`"`)
		fmt.Fprintln(w, "text of", r.URL.Query().Get("name"))
	})
	mux.HandleFunc("/request", func(w http.ResponseWriter, r *http.Request) { _ = r.Header.Write(w) })
	mux.HandleFunc("/short/{n}/", func(w http.ResponseWriter, r *http.Request) {
		if first(r, r.PathValue("n")) {
			w.Header().Set("Content-Length", "100")
		}
		text(w, r)
	})
	mux.HandleFunc("/bytes/{n}/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.PathValue("n"), 10, 64)
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		_, _ = io.CopyN(w, zeros{}, n)
	})
	mux.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/moved/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(r.URL.Path, "/moved/", "/text/", 1), http.StatusFound)
	})
	return httptest.NewServer(mux)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

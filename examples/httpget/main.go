// Httpget fetches one page with a session, from a task on an event loop.
//
//	httpget [URL]
//
// Without a URL it serves a page of its own on loopback and fetches that.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
)

const page = "你好，世界！这是一个用来测试的网页，它有足够多的字。\n"

func fetch(ctx context.Context, url string) (string, error) {
	session, err := aiohttp.NewSession(nil)
	if err != nil {
		return "", err
	}
	defer session.Close()

	resp, err := session.Get(ctx, url, nil)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	fmt.Println("Status:", resp.Status)
	fmt.Println("Content-type:", resp.Header.Get("content-type"))
	return resp.Text(ctx)
}

func main() {
	url := ""
	if len(os.Args) > 1 {
		url = os.Args[1]
	} else {
		local, stop, err := serve()
		if err != nil {
			log.Fatal(err)
		}
		defer stop()
		url = local
	}

	loop := asyncio.NewLoop(nil)
	defer loop.Close()
	html, err := asyncio.RunUntilComplete(context.Background(), loop, asyncio.Coro(fetch, url))
	if err != nil {
		log.Fatal(err)
	}
	text := []rune(html) // 15 characters, not 15 bytes
	fmt.Println("Body:", string(text[:min(15, len(text))]), "...")
}

// serve serves the page and returns its URL.
func serve() (url string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	})}
	go srv.Serve(l)
	return "http://" + l.Addr().String(), srv.Close, nil
}
